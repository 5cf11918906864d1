// The same as the timeline, as a table: every task run of the flow run, with its state, its times and what it depends on.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { State } from "../components/State";
import { Time } from "../components/Time";
import { count, duration, secondsBetween } from "../format";
import { isTerminal } from "../states";
import { useRows } from "../virtual";
import type { Bar } from "./bars";
import { pathOf } from "./Timeline";

interface Props {
  bars: Bar[];
  selected: string | null;
  onSelect: (id: string | null) => void;
}

const ROW = 33;
const COLUMNS = ["Name", "State", "Started", "Took", "Depends on"] as const;
type Column = (typeof COLUMNS)[number];

const took = (bar: Bar): number | null => {
  if (!bar.start_time || (!bar.end_time && isTerminal(bar.state_type))) return null;
  return secondsBetween(bar.start_time, bar.end_time);
};

const ORDERS: Record<Column, (a: Bar, b: Bar) => number> = {
  Name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }),
  State: (a, b) => (a.state_type ?? "").localeCompare(b.state_type ?? ""),
  Started: (a, b) => (a.start_time ?? "~").localeCompare(b.start_time ?? "~"),
  Took: (a, b) => (took(b) ?? -1) - (took(a) ?? -1),
  "Depends on": (a, b) => b.parents.length - a.parents.length,
};

export function BarTable({ bars, selected, onSelect }: Props) {
  const [order, setOrder] = useState<Column>("Started");
  const sorted = useMemo(() => [...bars].sort(ORDERS[order]), [bars, order]);
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useRows({ count: sorted.length, scroller, rowHeight: ROW });
  const at = selected ? sorted.findIndex((x) => x.id === selected) : -1;
  useEffect(() => void (at >= 0 && rows.scrollTo(at)), [selected]);
  return (
    <div
      class="bar-table"
      role="table"
      aria-label="Task runs"
      aria-rowcount={sorted.length + 1}
      aria-colcount={COLUMNS.length}
      ref={scroller}
      tabIndex={0}
    >
      <div class="bar-row head" role="row" aria-rowindex={1}>
        {COLUMNS.map((x) => (
          <span role="columnheader" aria-sort={x === order ? "other" : "none"}>
            <button type="button" class="quiet" onClick={() => setOrder(x)} title={`Order by: ${x}`}>
              {x}
            </button>
          </span>
        ))}
      </div>
      <div role="rowgroup" class="bar-rows" style={{ height: `${rows.height}px` }}>
        {rows.items.map(({ index, start }) => {
          const bar = sorted[index]!;
          return (
            <div
              key={bar.id}
              class={bar.id === selected ? "bar-row chosen" : "bar-row"}
              role="row"
              aria-rowindex={index + 2}
              style={{ transform: `translateY(${start}px)` }}
              onClick={() => onSelect(bar.id)}
            >
              <span role="cell">
                <a href={pathOf(bar)}>{bar.name}</a>
              </span>
              <span role="cell">
                <State type={bar.state_type} name={bar.state_name} />
              </span>
              <span role="cell">
                <Time at={bar.start_time} />
              </span>
              <span role="cell">{duration(took(bar))}</span>
              <span role="cell">{count(bar.parents.length)}</span>
            </div>
          );
        })}
      </div>
    </div>
  );
}
