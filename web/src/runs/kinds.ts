// The two kinds of run as lists show them: how each is asked for, and which columns there are.
import { api, type Schemas } from "../api";
import { askForFlowRuns, askForTaskRuns, type Filters } from "./filters";
import type { PageOf } from "./paged";

export type TaskRun = Schemas["TaskRunAnswer"];
export type FlowRun = Schemas["FlowRunAnswer"];
export type Run = TaskRun | FlowRun;

export interface Kind<R extends Run> {
  /** Of the page, and of the API. */
  path: "/task-runs" | "/flow-runs";
  title: string;
  one: string;
  ask: (filters: Filters) => object;
  page: (asked: object, sort: string, cursor: string | null, signal: AbortSignal) => Promise<PageOf<R>>;
  byIds: (ids: string[], signal: AbortSignal) => Promise<R[]>;
  count: (asked: object, signal: AbortSignal) => Promise<number>;
  exportPath: string;
  sorts: Record<string, string>;
}

export const PAGE_ROWS = 200;

export const TASK_RUNS: Kind<TaskRun> = {
  path: "/task-runs",
  title: "Task runs",
  one: "task run",
  ask: askForTaskRuns,
  page: (asked, sort, cursor, signal) =>
    api.post("/task_runs/page", {
      body: { ...asked, sort: sort as Schemas["TaskRunSort"], cursor, limit: PAGE_ROWS },
      signal,
    }),
  byIds: (ids, signal) =>
    api.post("/task_runs/filter", { body: { task_runs: { id: { any_: ids } }, limit: PAGE_ROWS }, signal }),
  count: (asked, signal) => api.post("/task_runs/count", { body: asked, signal }),
  exportPath: "/task_runs/export",
  sorts: {
    EXPECTED_START_TIME_DESC: "Newest first",
    EXPECTED_START_TIME_ASC: "Oldest first",
    END_TIME_DESC: "Last ended first",
    NAME_ASC: "Name, A to Z",
    NAME_DESC: "Name, Z to A",
  },
};

export const FLOW_RUNS: Kind<FlowRun> = {
  path: "/flow-runs",
  title: "Flow runs",
  one: "flow run",
  ask: askForFlowRuns,
  page: (asked, sort, cursor, signal) =>
    api.post("/flow_runs/page", {
      body: { ...asked, sort: sort as Schemas["FlowRunSort"], cursor, limit: PAGE_ROWS },
      signal,
    }),
  byIds: (ids, signal) =>
    api.post("/flow_runs/filter", { body: { flow_runs: { id: { any_: ids } }, limit: PAGE_ROWS }, signal }),
  count: (asked, signal) => api.post("/flow_runs/count", { body: asked, signal }),
  exportPath: "/flow_runs/export",
  sorts: {
    EXPECTED_START_TIME_DESC: "Newest first",
    EXPECTED_START_TIME_ASC: "Oldest first",
    END_TIME_DESC: "Last ended first",
    NEXT_SCHEDULED_START_TIME_ASC: "Next due first",
    NAME_ASC: "Name, A to Z",
    NAME_DESC: "Name, Z to A",
  },
};

export const FIRST_SORT = "EXPECTED_START_TIME_DESC";
