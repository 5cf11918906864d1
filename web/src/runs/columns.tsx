// The columns that lists of runs can have, by the names that stand in the address.
import type { ComponentChildren } from "preact";
import { State } from "../components/State";
import { Time } from "../components/Time";
import { count, duration } from "../format";
import type { FlowRun, Run, TaskRun } from "./kinds";

/** Names of what rows refer to, as far as they are known. */
export interface Names {
  flow: (id: string | null | undefined) => string | undefined;
  flowRun: (id: string | null | undefined) => string | undefined;
}

export interface Column<R> {
  title: string;
  /** The least width, in pixels, and the share of what is left over. */
  width: [least: number, share: number];
  isNumber?: boolean;
  /** Not shown unless it is chosen. */
  isExtra?: boolean;
  /** The orders that a click on the heading leads to, one after the other. */
  sorts?: string[];
  cell: (run: R, names: Names) => ComponentChildren;
}

export type Columns<R> = Record<string, Column<R>>;

const link = (href: string, text: ComponentChildren) => (
  <a href={href} tabIndex={-1}>
    {text}
  </a>
);

const tags = (run: Run) => run.tags.map((tag) => <span class="tag">{tag}</span>);

/** Those that both kinds have, around the ones of their own. */
function columns<R extends Run>(path: string, own: Columns<R>, ownExtra: Columns<R>): Columns<R> {
  return {
    state: { title: "State", width: [128, 1], cell: (run) => <State type={run.state_type} name={run.state_name} /> },
    name: {
      title: "Name",
      width: [160, 3],
      sorts: ["NAME_ASC", "NAME_DESC"],
      cell: (run) => link(`${path}/${run.id}`, run.name || run.id),
    },
    ...own,
    tags: { title: "Tags", width: [110, 2], cell: tags },
    expected: {
      title: "Expected",
      width: [124, 1],
      sorts: ["EXPECTED_START_TIME_DESC", "EXPECTED_START_TIME_ASC"],
      cell: (run) => <Time at={run.expected_start_time} />,
    },
    duration: {
      title: "Took",
      width: [84, 0.7],
      isNumber: true,
      cell: (run) => (run.start_time ? duration(run.estimated_run_time) : ""),
    },
    started: { title: "Started", width: [124, 1], isExtra: true, cell: (run) => <Time at={run.start_time} /> },
    ended: {
      title: "Ended",
      width: [124, 1],
      isExtra: true,
      sorts: ["END_TIME_DESC"],
      cell: (run) => <Time at={run.end_time} />,
    },
    runs: { title: "Attempts", width: [80, 0], isNumber: true, isExtra: true, cell: (run) => count(run.run_count) },
    ...ownExtra,
    created: { title: "Created", width: [124, 1], isExtra: true, cell: (run) => <Time at={run.created} /> },
    id: { title: "Id", width: [310, 1], isExtra: true, cell: (run) => <span class="mono">{run.id}</span> },
  };
}

export const TASK_RUN_COLUMNS = columns<TaskRun>(
  "/task-runs",
  {
    flow_run: {
      title: "Flow run",
      width: [130, 2],
      cell: (run, names) => run.flow_run_id && link(`/flow-runs/${run.flow_run_id}`, names.flowRun(run.flow_run_id) ?? "…"),
    },
  },
  {
    task: { title: "Task", width: [180, 2], isExtra: true, cell: (run) => run.task_key },
    cache: { title: "Cache key", width: [150, 1], isExtra: true, cell: (run) => run.cache_key },
  },
);

export const FLOW_RUN_COLUMNS = columns<FlowRun>(
  "/flow-runs",
  {
    flow: { title: "Flow", width: [130, 2], cell: (run, names) => names.flow(run.flow_id) ?? "…" },
  },
  {
    queue: { title: "Work queue", width: [120, 1], isExtra: true, cell: (run) => run.work_queue_name },
    parameters: {
      title: "Parameters",
      width: [200, 2],
      isExtra: true,
      cell: (run) => <span class="mono">{JSON.stringify(run.parameters)}</span>,
    },
  },
);

const GAP = 12;
const EDGES = 28;

/** The tracks of a grid of these columns, and the width below which it is scrolled sideways. */
export function tracks(shown: Column<never>[]): Record<string, string> {
  const least = shown.reduce((sum, x) => sum + x.width[0], EDGES + GAP * (shown.length - 1));
  const each = shown.map(({ width: [pixels, share] }) => `minmax(${pixels}px, ${share}fr)`);
  return { "--tracks": each.join(" "), "--least": `${least}px` };
}

/** Which of the columns an address asks for, or else those that were chosen last in this browser. */
export function chosenColumns(all: Columns<never>, asked: string | null, key: string): string[] {
  const names = (asked ?? localStorage.getItem(key) ?? "").split(",").filter((x) => x in all);
  return names.length ? Object.keys(all).filter((x) => names.includes(x)) : Object.keys(all).filter((x) => !all[x]!.isExtra);
}
