// Deletes a run, after it was told what goes with it and what stays.
import { api } from "../api";
import { plural } from "../format";
import { useLive } from "../live";
import { isTerminal, type StateType } from "../states";
import { Ask } from "./Ask";
import { Loaded } from "./Page";

interface Props {
  noun: "task_runs" | "flow_runs";
  run: { id: string; name: string; state_type?: StateType | null };
  onDone: () => void;
  onClose: () => void;
}

export function DeleteRun({ noun, run, onDone, onClose }: Props) {
  const consequences = useLive(`deletion ${run.id}`, (signal) => foretell(noun, run.id, signal), 0);
  const act = async (): Promise<void> => {
    const path = { id: run.id };
    await (noun === "task_runs" ? api.delete("/task_runs/{id}", { path }) : api.delete("/flow_runs/{id}", { path }));
    onDone();
  };
  return (
    <Ask title={`Delete ${run.name}?`} label="Delete it" isDangerous isHeld={!consequences.data} act={act} onClose={onClose}>
      <Loaded live={consequences}>
        {(sentences) => (
          <ul>
            {sentences.map((x) => (
              <li>{x}</li>
            ))}
            {!isTerminal(run.state_type) && <li>It has not ended: whoever works on it is not told, and finds it gone.</li>}
            <li>This can't be undone.</li>
          </ul>
        )}
      </Loaded>
    </Ask>
  );
}

async function foretell(noun: Props["noun"], id: string, signal: AbortSignal): Promise<string[]> {
  return noun === "task_runs" ? ofTaskRun(id, signal) : ofFlowRun(id, signal);
}

async function ofTaskRun(id: string, signal: AbortSignal): Promise<string[]> {
  const path = { id };
  const [slots, dependents] = await Promise.all([
    api.get("/task_runs/{id}/slots", { path, signal }),
    api.get("/task_runs/{id}/dependents", { path, signal }),
  ]);
  const told = ["Its states are deleted with it. Its logs and artifacts stay."];
  if (slots.length) told.push(`Its slots come free: ${slots.map((x) => x.limit.name).join(", ")}.`);
  if (dependents.length) told.push(plural(dependents.length, "task run that was given its result stays as it is.", "task runs that were given its result stay as they are."));
  return told;
}

async function ofFlowRun(id: string, signal: AbortSignal): Promise<string[]> {
  const of = { id: { any_: [id] } };
  const [taskRuns, subflows, slots] = await Promise.all([
    api.post("/task_runs/count", { body: { flow_runs: of }, signal }),
    api.post("/flow_runs/count", { body: { flow_runs: { parent_flow_run_id: { any_: [id] } } }, signal }),
    api.get("/flow_runs/{id}/slots", { path: { id }, signal }),
  ]);
  const told = [`${plural(taskRuns, "task run")} and the states of all are deleted with it. Logs and artifacts stay.`];
  if (subflows) told.push(`${plural(subflows, "subflow run stays", "subflow runs stay")}, without a parent.`);
  if (slots.length) told.push(`Its slots come free: ${slots.map((x) => x.limit.name).join(", ")}.`);
  return told;
}
