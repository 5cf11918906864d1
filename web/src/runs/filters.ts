// The filters of a list of runs: between the address, so that a view can be shared, and what the API is asked.
import type { Body } from "../api";
import { STATE_TYPES, type StateType } from "../states";

export type TaskRunsAsked = Omit<NonNullable<Body<"/task_runs/page", "post">>, "sort" | "limit" | "cursor">;
export type FlowRunsAsked = Omit<NonNullable<Body<"/flow_runs/page", "post">>, "sort" | "limit" | "cursor">;

export interface Filters {
  states: StateType[];
  /** A state's own name, such as "Late". */
  stateName: string;
  /** A part of the run's name. */
  name: string;
  /** All of these. */
  tags: string[];
  /** The flow's name. */
  flow: string;
  /** The flow run that task runs are of. */
  flowRun: string;
  /** One of LAST, or "". */
  last: string;
  /** Times as ISO texts, or "". */
  after: string;
  before: string;
}

/** Spans up to now, by what stands in the address. */
export const LAST: Record<string, { seconds: number; label: string }> = {
  "1h": { seconds: 3600, label: "Last hour" },
  "24h": { seconds: 86_400, label: "Last 24 hours" },
  "7d": { seconds: 7 * 86_400, label: "Last 7 days" },
  "30d": { seconds: 30 * 86_400, label: "Last 30 days" },
};

export function readFilters(query: URLSearchParams): Filters {
  const text = (name: string): string => query.get(name)?.trim() ?? "";
  return {
    states: STATE_TYPES.filter((x) => query.getAll("state").includes(x)),
    stateName: text("state_name"),
    name: text("name"),
    tags: query.getAll("tag").filter(Boolean),
    flow: text("flow"),
    flowRun: text("flow_run"),
    last: text("last") in LAST ? text("last") : "",
    after: isoTime(text("after")),
    before: isoTime(text("before")),
  };
}

/** The names of all filters in the address. */
export const FILTER_NAMES = ["state", "state_name", "name", "tag", "flow", "flow_run", "last", "after", "before"] as const;

export const isFiltered = (query: URLSearchParams): boolean => FILTER_NAMES.some((x) => query.get(x));

/** A time as the API takes it; "" where the text is none. */
function isoTime(text: string): string {
  const time = Date.parse(text);
  return Number.isNaN(time) ? "" : new Date(time).toISOString();
}

/** Only what is asked for: an empty filter would still be one more thing to look at. */
function ownFilter(filters: Filters) {
  const { states, stateName, name, tags } = filters;
  const state = {
    ...(states.length && { type: { any_: states } }),
    ...(stateName && { name: { any_: [stateName] } }),
  };
  return {
    ...(Object.keys(state).length && { state }),
    ...(name && { name: { like_: name } }),
    ...(tags.length && { tags: { all_: tags } }),
    ...time(filters),
  };
}

function time({ last, after, before }: Filters) {
  const earliest = last ? new Date(Date.now() - LAST[last]!.seconds * 1000).toISOString() : after;
  const span = { ...(earliest && { after_: earliest }), ...(before && { before_: before }) };
  return Object.keys(span).length ? { expected_start_time: span } : {};
}

const flowNamed = (flow: string) => flow && { flows: { name: { any_: [flow] } } };

export function askForTaskRuns(filters: Filters): TaskRunsAsked {
  const own = { ...ownFilter(filters), ...(filters.flowRun && { flow_run_id: { any_: [filters.flowRun] } }) };
  return { ...(Object.keys(own).length && { task_runs: own }), ...flowNamed(filters.flow) } as TaskRunsAsked;
}

export function askForFlowRuns(filters: Filters): FlowRunsAsked {
  const own = ownFilter(filters);
  return { ...(Object.keys(own).length && { flow_runs: own }), ...flowNamed(filters.flow) } as FlowRunsAsked;
}
