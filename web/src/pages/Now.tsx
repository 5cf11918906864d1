// What goes on now: counts, history, what waits, queues.
import { api } from "../api";
import { FirstSteps } from "../components/FirstSteps";
import { Heading, Loaded } from "../components/Page";
import { useLive } from "../live";
import { setQuery, useQuery } from "../router";
import { Backlogs } from "./now/Backlogs";
import { type ByType, Counts } from "./now/Counts";
import { HISTORIES, History } from "./now/History";
import "./now/now.css";
import { FIRST_RANGE, RANGES } from "./now/ranges";
import { readWaits, type Waits as AllWaits } from "./now/whatWaits";
import { Waits } from "./now/Waits";

const EVERY = 5;

interface State {
  flowRuns: ByType;
  taskRuns: ByType;
}

async function readCounts(signal: AbortSignal): Promise<State> {
  const [flowRuns, taskRuns] = await Promise.all([
    api.post("/ui/flow_runs/count", { body: {}, signal }),
    api.post("/ui/task_runs/count", { body: {}, signal }),
  ]);
  return { flowRuns, taskRuns };
}

export function Now() {
  const counts = useLive("counts", readCounts, EVERY);
  const waits = useLive("waits", readWaits, EVERY);
  return (
    <>
      <Heading title="Now" />
      <Loaded live={counts}>
        {(state) => (isEmpty(state) ? <FirstSteps /> : <Full state={state} waits={waits.data} />)}
      </Loaded>
    </>
  );
}

const isEmpty = ({ flowRuns, taskRuns }: State): boolean =>
  [...Object.values(flowRuns), ...Object.values(taskRuns)].every((x) => x === 0);

function Full({ state, waits }: { state: State; waits: AllWaits | undefined }) {
  const chosen = useQuery().get("range") ?? "";
  const name = chosen in RANGES ? chosen : FIRST_RANGE;
  return (
    <>
      <div class="two">
        <Counts title="Flow runs" path="/flow-runs" counts={state.flowRuns} />
        <Counts title="Task runs" path="/task-runs" counts={state.taskRuns} />
      </div>
      <RangeChoice name={name} />
      <div class="two">
        {HISTORIES.map((kind) => (
          <History key={kind.path} kind={kind} range={RANGES[name]!} />
        ))}
      </div>
      <div class="two">
        {waits && <Waits waits={waits} flowRuns={state.flowRuns} taskRuns={state.taskRuns} />}
        <Backlogs />
      </div>
    </>
  );
}

function RangeChoice({ name }: { name: string }) {
  return (
    <div class="ranges" role="group" aria-label="How far back">
      {Object.entries(RANGES).map(([key, { label }]) => (
        <button type="button" aria-pressed={key === name} onClick={() => setQuery({ range: key === FIRST_RANGE ? null : key })}>
          {label}
        </button>
      ))}
    </div>
  );
}
