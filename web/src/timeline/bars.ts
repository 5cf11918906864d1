// The task runs of a flow run as bars: fetched page after page, then those that have changed.
// What does not live here: where a bar is drawn (layout.ts).
import { useRef } from "preact/hooks";
import { api, type Schemas } from "../api";
import { useLive, type Live } from "../live";

export type Bar = Schemas["BarAnswer"];

/** More than this many are more than anybody can look at: the rest is left to the list of task runs. */
export const MOST_BARS = 20_000;

/** So many at once that nobody else waits long for the server meanwhile. */
const PAGE = "500";

export interface Bars {
  all: Bar[];
  /** Whether there are more than these. */
  isCut: boolean;
}

interface Held {
  byId: Map<string, Bar>;
  /** The last answer, which stays the same one while nothing changes: so nothing is laid out anew. */
  last: Bars | null;
  asOf: string | null;
  isCut: boolean;
}

/** The bars, asked for again `seconds` after each answer (0: once). */
export function useBars(flowRunId: string, seconds: number): Live<Bars> {
  const held = useRef<Held>({ byId: new Map(), last: null, asOf: null, isCut: false });
  const load = async (signal: AbortSignal): Promise<Bars> => {
    const now = held.current;
    const hasChanged = await update(flowRunId, now, signal);
    if (hasChanged || !now.last) now.last = { all: [...now.byId.values()], isCut: now.isCut };
    return now.last;
  };
  return useLive(`bars ${flowRunId}`, load, seconds);
}

/**
 * Fetches all, or what has changed since the last time, and tells whether anything has. Where the server is lost in
 * between, the next time makes up for it.
 */
async function update(flowRunId: string, held: Held, signal: AbortSignal): Promise<boolean> {
  const query: Record<string, string> = { limit: PAGE, ...(held.asOf ? { changed_since: held.asOf } : {}) };
  let asOf: string | null = null;
  let hasChanged = false;
  for (;;) {
    const page = await api.get("/flow_runs/{id}/timeline", { path: { id: flowRunId }, query, signal });
    asOf ??= page.as_of;
    for (const bar of page.items) {
      hasChanged ||= !isSame(held.byId.get(bar.id), bar);
      held.byId.set(bar.id, bar);
    }
    held.isCut ||= page.next_cursor !== null && held.byId.size >= MOST_BARS;
    if (page.next_cursor === null || held.isCut) break;
    query.cursor = page.next_cursor;
  }
  held.asOf = asOf;
  return hasChanged;
}

/** What changes of a bar; its inputs never do. */
const isSame = (a: Bar | undefined, b: Bar): boolean =>
  !!a &&
  a.state_type === b.state_type &&
  a.state_name === b.state_name &&
  a.name === b.name &&
  a.start_time === b.start_time &&
  a.end_time === b.end_time &&
  a.subflow_run_id === b.subflow_run_id;
