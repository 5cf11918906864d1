// The names of what runs refer to by id: asked for once, many at a time, and remembered.
import { useEffect } from "preact/hooks";
import { api, LostError } from "./api";
import { Shared, useShared } from "./store";

type Kind = "flows" | "flow_runs" | "task_runs";
interface Named {
  id: string;
  name: string;
}

const MOST = 200;

const LOAD: Record<Kind, (ids: string[]) => Promise<Named[]>> = {
  flows: (ids) => api.post("/flows/filter", { body: { flows: { id: { any_: ids } }, limit: MOST } }),
  flow_runs: (ids) => api.post("/flow_runs/filter", { body: { flow_runs: { id: { any_: ids } }, limit: MOST } }),
  task_runs: (ids) => api.post("/task_runs/filter", { body: { task_runs: { id: { any_: ids } }, limit: MOST } }),
};

const known = new Map<string, string>();
const asked = new Set<string>();
const learnt = new Shared(0);

async function learn(kind: Kind, ids: string[]): Promise<void> {
  for (const id of ids) asked.add(id);
  try {
    for (const { id, name } of await LOAD[kind](ids)) known.set(id, name);
    learnt.set(learnt.value + 1);
  } catch (error) {
    for (const id of ids) asked.delete(id);
    if (!(error instanceof LostError)) throw error;
  }
}

/** Gives the name of an id, once it is known; asks for those of all `ids` that aren't. */
export function useNames(kind: Kind, ids: (string | null | undefined)[]): (id: string | null | undefined) => string | undefined {
  useShared(learnt);
  const missing = [...new Set(ids)].filter((x): x is string => !!x && !known.has(x) && !asked.has(x));
  useEffect(() => {
    for (let i = 0; i < missing.length; i += MOST) void learn(kind, missing.slice(i, i + MOST));
  }, [kind, missing.join()]);
  return (id) => (id ? known.get(id) : undefined);
}
