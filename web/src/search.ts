// What a text in the search box may mean: a run's id, or the name or tag of something.
// What does not live here: the box (components/SearchBox.tsx).
import { api, ApiError } from "./api";
import { isUuid } from "./format";

export interface Hit {
  /** What kind of thing it is. */
  kind: string;
  text: string;
  href: string;
}

const FEW = 5;

/** What is found, the surest first; the last two are always there. */
export async function search(text: string, signal: AbortSignal): Promise<Hit[]> {
  if (isUuid(text)) return byId(text, signal);
  const found = await Promise.all([flowRunsNamed(text, signal), taskRunsNamed(text, signal), flowsNamed(text, signal), tagged(text, signal)]);
  return [...found.flat(), ...containing(text)];
}

async function byId(id: string, signal: AbortSignal): Promise<Hit[]> {
  const hits = await Promise.all([
    found(api.get("/flow_runs/{id}", { path: { id }, signal }), (x) => ({ kind: "Flow run", text: x.name ?? id, href: `/flow-runs/${id}` })),
    found(api.get("/task_runs/{id}", { path: { id }, signal }), (x) => ({ kind: "Task run", text: x.name, href: `/task-runs/${id}` })),
    found(api.get("/flows/{id}", { path: { id }, signal }), (x) => flowHit(x.name)),
  ]);
  return hits.flat();
}

/** None where the answer is 404. */
async function found<T>(answer: Promise<T>, hit: (record: T) => Hit): Promise<Hit[]> {
  try {
    return [hit(await answer)];
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return [];
    throw error;
  }
}

const flowHit = (name: string): Hit => ({ kind: "Flow", text: name, href: `/flow-runs?${new URLSearchParams({ flow: name })}` });

async function flowRunsNamed(name: string, signal: AbortSignal): Promise<Hit[]> {
  const runs = await api.post("/flow_runs/filter", { body: { flow_runs: { name: { any_: [name] } }, limit: FEW }, signal });
  return runs.map((x) => ({ kind: "Flow run", text: x.name, href: `/flow-runs/${x.id}` }));
}

/** Task runs of many flow runs have the same name: more than one is a list. */
async function taskRunsNamed(name: string, signal: AbortSignal): Promise<Hit[]> {
  const runs = await api.post("/task_runs/filter", { body: { task_runs: { name: { any_: [name] } }, limit: 2 }, signal });
  if (runs.length > 1) return [{ kind: "Task runs named", text: name, href: listed("/task-runs", { name }) }];
  return runs.map((x) => ({ kind: "Task run", text: x.name, href: `/task-runs/${x.id}` }));
}

async function flowsNamed(name: string, signal: AbortSignal): Promise<Hit[]> {
  const flows = await api.post("/flows/filter", { body: { flows: { name: { like_: name } }, limit: FEW }, signal });
  return flows.map((x) => flowHit(x.name));
}

async function tagged(tag: string, signal: AbortSignal): Promise<Hit[]> {
  const tags = { all_: [tag] };
  const [flowRuns, taskRuns] = await Promise.all([
    api.post("/flow_runs/filter", { body: { flow_runs: { tags }, limit: 1 }, signal }),
    api.post("/task_runs/filter", { body: { task_runs: { tags }, limit: 1 }, signal }),
  ]);
  return [
    ...(flowRuns.length ? [{ kind: "Flow runs tagged", text: tag, href: listed("/flow-runs", { tag }) }] : []),
    ...(taskRuns.length ? [{ kind: "Task runs tagged", text: tag, href: listed("/task-runs", { tag }) }] : []),
  ];
}

const containing = (name: string): Hit[] => [
  { kind: "Flow runs whose name contains", text: name, href: listed("/flow-runs", { name }) },
  { kind: "Task runs whose name contains", text: name, href: listed("/task-runs", { name }) },
];

const listed = (path: string, filters: Record<string, string>): string => `${path}?${new URLSearchParams(filters)}`;
