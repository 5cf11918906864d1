// Why a run that has not started is not running: what would become of it if it were to start now.
import { api, type Schemas } from "../api";
import { useLive } from "../live";
import type { StateType } from "../states";
import { Effects } from "./Effects";
import { Loaded } from "./Page";

type Preview = Schemas["PreviewAnswer"];

const WAITING: readonly (StateType | null | undefined)[] = ["SCHEDULED", "PENDING", "PAUSED"];
const SECONDS = 3;

interface Props {
  noun: "task_runs" | "flow_runs";
  run: { id: string; state_type: StateType | null };
}

export function WhyWaiting({ noun, run }: Props) {
  if (!WAITING.includes(run.state_type)) return null;
  return (
    <section class="card" aria-labelledby="why">
      <h2 id="why">If it were to start now</h2>
      <Foretold noun={noun} run={run} />
    </section>
  );
}

function Foretold({ noun, run: { id } }: Props) {
  const live = useLive(`start of ${id}`, (signal) => startOf(noun, id, signal), SECONDS);
  return <Loaded live={live}>{(preview) => <Effects preview={preview} runId={id} />}</Loaded>;
}

function startOf(noun: Props["noun"], id: string, signal: AbortSignal): Promise<Preview> {
  const options = { path: { id }, body: { state: { type: "RUNNING" as const } }, signal };
  return noun === "task_runs"
    ? api.post("/task_runs/{id}/set_state/preview", options)
    : api.post("/flow_runs/{id}/set_state/preview", options);
}
