// What waits and for what, as far as the ledger tells: asked for with a few small requests.
// What does not live here: how it is shown (Waits.tsx).
import { api, type Schemas } from "../../api";

type FlowRun = Schemas["FlowRunAnswer"];
type TaskRun = Schemas["TaskRunAnswer"];

export interface FullLimit {
  name: string;
  slots: number;
  taken: number;
  /** Of a tag's limit: the task runs that hold its slots, the first few of them. */
  holders: string[];
  /** Of a tag's limit: how many task runs with the tag are PENDING. */
  waiting: number | undefined;
  tag: string | undefined;
}

export interface Waits {
  limits: FullLimit[];
  paused: FlowRun[];
  late: FlowRun[];
  /** The next to begin of those that are scheduled for later. */
  nextFlowRun: FlowRun | undefined;
  /** The next of the task runs that wait for their time, mostly for a retry. */
  nextTaskRun: TaskRun | undefined;
  /** Flow runs that a deployment's limit holds back. */
  held: FlowRun[];
}

const FEW = 4;
const TAG = "tag:";

export async function readWaits(signal: AbortSignal): Promise<Waits> {
  const [limits, paused, late, held, nextFlowRun, nextTaskRun] = await Promise.all([
    fullLimits(signal),
    flowRuns({ type: { any_: ["PAUSED"] } }, signal),
    flowRuns({ type: { any_: ["SCHEDULED"] }, name: { any_: ["Late"] } }, signal),
    flowRuns({ type: { any_: ["SCHEDULED"] }, name: { any_: ["AwaitingConcurrencySlot"] } }, signal),
    nextOfFlowRuns(signal),
    nextOfTaskRuns(signal),
  ]);
  return { limits, paused, late, held, nextFlowRun, nextTaskRun };
}

function flowRuns(state: Schemas["FlowRunStateFilter"], signal: AbortSignal): Promise<FlowRun[]> {
  const body = { flow_runs: { state }, sort: "EXPECTED_START_TIME_ASC" as const, limit: FEW };
  return api.post("/flow_runs/filter", { body, signal });
}

async function nextOfFlowRuns(signal: AbortSignal): Promise<FlowRun | undefined> {
  const filter = { state: { type: { any_: ["SCHEDULED" as const] } }, next_scheduled_start_time: { after_: new Date().toISOString() } };
  const body = { flow_runs: filter, sort: "NEXT_SCHEDULED_START_TIME_ASC" as const, limit: 1 };
  return (await api.post("/flow_runs/filter", { body, signal }))[0];
}

async function nextOfTaskRuns(signal: AbortSignal): Promise<TaskRun | undefined> {
  const filter = { state: { type: { any_: ["SCHEDULED" as const] } } };
  const body = { task_runs: filter, sort: "NEXT_SCHEDULED_START_TIME_ASC" as const, limit: 1 };
  return (await api.post("/task_runs/filter", { body, signal }))[0];
}

async function fullLimits(signal: AbortSignal): Promise<FullLimit[]> {
  const limits = await api.post("/v2/concurrency_limits/filter", { body: { limit: 200 }, signal });
  const full = limits.filter((x) => x.active && x.active_slots >= x.limit).slice(0, FEW);
  return Promise.all(full.map((x) => described(x, signal)));
}

async function described(limit: Schemas["GlobalLimitAnswer"], signal: AbortSignal): Promise<FullLimit> {
  const { name, limit: slots, active_slots: taken } = limit;
  if (!name.startsWith(TAG)) return { name, slots, taken, holders: [], waiting: undefined, tag: undefined };
  const tag = name.slice(TAG.length);
  const waits = { tags: { all_: [tag] }, state: { type: { any_: ["PENDING" as const] } } };
  const [{ active_slots: holders }, waiting] = await Promise.all([
    api.get("/concurrency_limits/tag/{tag}", { path: { tag }, signal }),
    api.post("/task_runs/count", { body: { task_runs: waits }, signal }),
  ]);
  return { name, slots, taken, holders: holders.slice(0, FEW), waiting, tag };
}
