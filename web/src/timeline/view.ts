// What of the timeline is in sight: a span of time over a width, and rows over a height. Pure; who draws is paint.ts.

export const AXIS = 24;
const TALLEST_ROW = 24;
const LOWEST_ROW = 4;
const SHORTEST_SPAN = 5;

export interface Size {
  width: number;
  height: number;
}

export interface Extent {
  from: number;
  to: number;
  rows: number;
}

export interface View {
  from: number;
  to: number;
  /** Pixels of rows above the upper edge. */
  top: number;
}

/** All of the time with a little room at both ends. */
export function whole({ from, to }: Extent): View {
  const span = Math.max(to - from, SHORTEST_SPAN * 10);
  return { from: from - span * 0.02, to: from + span * 1.02, top: 0 };
}

/** Rows fit into the height as far as they can; they grow as one looks closer. */
export function rowHeight(view: View, extent: Extent, { height }: Size): number {
  const fit = Math.min(TALLEST_ROW, Math.max(LOWEST_ROW, (height - AXIS) / Math.max(1, extent.rows)));
  const all = whole(extent);
  const zoom = Math.max(1, (all.to - all.from) / (view.to - view.from));
  return Math.min(TALLEST_ROW, fit * Math.sqrt(zoom));
}

export const xOf = (view: View, width: number, time: number): number => ((time - view.from) / (view.to - view.from)) * width;

export const timeAt = (view: View, width: number, x: number): number => view.from + (x / width) * (view.to - view.from);

export function panned(view: View, extent: Extent, size: Size, dx: number, dy: number): View {
  const by = (dx / size.width) * (view.to - view.from);
  return kept({ from: view.from + by, to: view.to + by, top: view.top + dy }, extent, size);
}

/** Closer by a factor (below 1: farther off), with what is at (x, y) staying there. */
export function zoomed(view: View, extent: Extent, size: Size, factor: number, x: number, y: number): View {
  const all = whole(extent);
  const span = Math.min(all.to - all.from, Math.max(SHORTEST_SPAN, (view.to - view.from) / factor));
  const at = timeAt(view, size.width, x);
  const from = at - (x / size.width) * span;
  const next = { from, to: from + span, top: view.top };
  const grown = rowHeight(next, extent, size) / rowHeight(view, extent, size);
  const below = y - AXIS;
  return kept({ ...next, top: (view.top + below) * grown - below }, extent, size);
}

/** The view moved back to where there is something to see. */
export function kept(view: View, extent: Extent, size: Size): View {
  const all = whole(extent);
  const span = Math.min(view.to - view.from, all.to - all.from);
  const from = Math.min(Math.max(view.from, all.from), all.to - span);
  const hidden = Math.max(0, rowHeight({ ...view, from, to: from + span }, extent, size) * extent.rows - (size.height - AXIS));
  return { from, to: from + span, top: Math.min(Math.max(0, view.top), hidden) };
}

const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500].concat(
  [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400].map((x) => x * 1000),
);
const DAY = 86_400_000;

/** The times at which the axis has marks, in steps that people count in. */
export function ticks(view: View, width: number): { step: number; times: number[] } {
  const least = ((view.to - view.from) / width) * 90;
  const step = STEPS.find((x) => x >= least) ?? Math.ceil(least / DAY) * DAY;
  const offset = new Date(view.from).getTimezoneOffset() * 60_000;
  const times = [];
  for (let time = Math.ceil((view.from - offset) / step) * step + offset; time <= view.to; time += step) times.push(time);
  return { step, times };
}
