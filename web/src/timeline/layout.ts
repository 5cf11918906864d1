// Where each bar goes: its time, and a row in which no other bar is at that time. What does not live here: pixels (view.ts).
import { isTerminal, type StateType } from "../states";
import type { Bar } from "./bars";

export interface Item {
  bar: Bar;
  type: StateType;
  /** Milliseconds since 1970. */
  start: number;
  /** Infinity: it has not ended. */
  end: number;
  row: number;
}

export interface Layout {
  /** By their start. */
  items: Item[];
  rows: Item[][];
  byId: Map<string, Item>;
  children: Map<string, Item[]>;
  /** The earliest start, and the latest time that is known of. */
  from: number;
  to: number;
  /** Those that have not started. */
  waiting: Bar[];
}

/** So few bars have a row each, as in a waterfall. */
const ROW_EACH = 40;

/** What follows an earlier bar in its row leaves so much of the whole time free before itself. */
const GAP = 1 / 2000;

export function layOut(bars: Bar[]): Layout {
  const items: Item[] = [];
  const waiting: Bar[] = [];
  for (const bar of bars) {
    const item = itemOf(bar);
    if (item) items.push(item);
    else waiting.push(bar);
  }
  items.sort((a, b) => a.start - b.start || a.end - b.end);
  const from = items[0]?.start ?? 0;
  const to = items.reduce((latest, x) => Math.max(latest, x.start, Number.isFinite(x.end) ? x.end : x.start), from);
  const rows = items.length > ROW_EACH ? packed(items, (to - from) * GAP) : items.map((x, row) => [placed(x, row)]);
  const byId = new Map(items.map((x) => [x.bar.id, x]));
  return { items, rows, byId, children: childrenOf(items, byId), from, to, waiting };
}

function itemOf(bar: Bar): Item | null {
  const type = bar.state_type;
  if (!type) return null;
  // One that was completed without having run, as a cached one is, took no time.
  const begun = bar.start_time ?? (isTerminal(type) ? bar.expected_start_time : null);
  if (!begun) return null;
  const start = Date.parse(begun);
  const end = bar.end_time ? Date.parse(bar.end_time) : isTerminal(type) ? start : Infinity;
  return { bar, type, start, end: Math.max(start, end), row: 0 };
}

function placed(item: Item, row: number): Item {
  item.row = row;
  return item;
}

/** Each bar in the first row that is free by then. */
function packed(items: Item[], gap: number): Item[][] {
  const rows: Item[][] = [];
  const free: number[] = [];
  for (const item of items) {
    let row = free.findIndex((x) => x <= item.start);
    if (row < 0) row = rows.push([]) - 1;
    free[row] = item.end + gap;
    rows[row]!.push(placed(item, row));
  }
  return rows;
}

function childrenOf(items: Item[], byId: Map<string, Item>): Map<string, Item[]> {
  const children = new Map<string, Item[]>();
  for (const item of items) {
    for (const parent of item.bar.parents) {
      if (!byId.has(parent)) continue;
      const found = children.get(parent);
      if (found) found.push(item);
      else children.set(parent, [item]);
    }
  }
  return children;
}
