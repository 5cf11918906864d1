// The table of a list of runs: rows of one height, of which only those in sight are there. For the keyboard it is one stop, a
// grid with an active row.
import { useEffect, useRef, useState } from "preact/hooks";
import { useIsNarrow } from "../narrow";
import { go } from "../router";
import { useRows } from "../virtual";
import { type Column, type Columns, type Names, tracks } from "./columns";
import type { Run } from "./kinds";
import type { Paged } from "./paged";

const WIDE_ROW = 34;
/** The headings above them, which a narrow screen has not. */
const HEAD = 35;
const NARROW_ROW = 53;

/** Beyond this many rows browsers don't scroll exactly any more: then one goes on by a filter of time. */
export const MOST_ROWS = 500_000;

interface Props<R extends Run> {
  label: string;
  path: string;
  paged: Paged<R>;
  columns: Columns<R>;
  chosen: string[];
  names: Names;
  sort: string;
  onSort: (sort: string) => void;
  /** Told which rows are in sight or near it, and whether the first one is in sight. */
  onShow: (first: number, last: number, isAtTop: boolean) => void;
}

export function RunTable<R extends Run>(props: Props<R>) {
  const { paged, columns, chosen, onShow } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const isNarrow = useIsNarrow();
  const rowHeight = isNarrow ? NARROW_ROW : WIDE_ROW;
  const count = Math.min(paged.length, MOST_ROWS);
  const rows = useRows({ count, scroller, rowHeight, headHeight: isNarrow ? 0 : HEAD });
  const [active, setActive] = useState(-1);
  const first = rows.items[0]?.index ?? 0;
  const last = rows.items.at(-1)?.index ?? 0;
  const isAtTop = (scroller.current?.scrollTop ?? 0) < rowHeight;
  useEffect(() => onShow(first, last, isAtTop), [first, last, isAtTop, paged, count]);
  useEffect(() => {
    setActive(-1);
    scroller.current?.scrollTo(0, 0);
  }, [paged]);
  const move = (index: number): void => {
    const to = Math.max(0, Math.min(index, count - 1));
    setActive(to);
    rows.scrollTo(to);
  };
  const shown = chosen.map((name) => columns[name]!);
  return (
    <div
      ref={scroller}
      class="runs"
      role="grid"
      tabIndex={0}
      aria-label={props.label}
      aria-rowcount={paged.isComplete ? count + 1 : -1}
      aria-activedescendant={active >= first && active <= last && count ? `run-${active}` : undefined}
      style={tracks(shown as Column<never>[])}
      onKeyDown={(event) => onKey(event, active, rowsInView(scroller.current!, rowHeight), move, () => open(props, active))}
    >
      <div role="rowgroup" class="runs-head">
        <div role="row" aria-rowindex={1} class="runs-row">
          {shown.map((column) => (
            <Head column={column} sort={props.sort} onSort={props.onSort} />
          ))}
        </div>
      </div>
      <div role="rowgroup" class="runs-body" style={{ height: `${rows.height}px` }}>
        {rows.items.map(({ index, key, start }) => (
          <div
            key={key}
            role="row"
            id={`run-${index}`}
            aria-rowindex={index + 2}
            class={index === active ? "runs-row active" : "runs-row"}
            style={{ transform: `translateY(${start}px)`, height: `${rowHeight}px` }}
            onMouseDown={() => setActive(index)}
          >
            <Cells run={paged.at(index)} columns={shown} names={props.names} />
          </div>
        ))}
      </div>
    </div>
  );
}

function Head<R>({ column, sort, onSort }: { column: Column<R>; sort: string; onSort: (sort: string) => void }) {
  const { sorts } = column;
  const at = sorts?.indexOf(sort) ?? -1;
  const direction = at < 0 ? undefined : sort.endsWith("_ASC") ? "ascending" : "descending";
  return (
    <div role="columnheader" class={column.isNumber ? "number" : undefined} aria-sort={direction}>
      {sorts ? (
        <button type="button" class="sort" onClick={() => onSort(sorts[(at + 1) % sorts.length]!)}>
          {column.title}
          <span aria-hidden="true">{direction && (direction === "ascending" ? "↑" : "↓")}</span>
        </button>
      ) : (
        column.title
      )}
    </div>
  );
}

function Cells<R>({ run, columns, names }: { run: R | undefined; columns: Column<R>[]; names: Names }) {
  if (!run) {
    return (
      <div role="gridcell" class="muted" aria-colspan={columns.length}>
        …
      </div>
    );
  }
  return (
    <>
      {columns.map((column) => (
        <div role="gridcell" class={column.isNumber ? "number" : undefined}>
          {column.cell(run, names)}
        </div>
      ))}
    </>
  );
}

const rowsInView = (scroller: HTMLElement, rowHeight: number): number =>
  Math.max(1, Math.floor(scroller.clientHeight / rowHeight) - 2);

function open<R extends Run>({ path, paged }: Props<R>, index: number): void {
  const run = paged.at(index);
  if (run) go(`${path}/${run.id}`);
}

function onKey(event: KeyboardEvent, active: number, page: number, move: (index: number) => void, enter: () => void): void {
  // Keys on a heading's button are the button's.
  if (event.target !== event.currentTarget || event.altKey || event.ctrlKey || event.metaKey) return;
  const steps: Record<string, number> = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: page, PageUp: -page };
  const { key } = event;
  if (key in steps) move(active + steps[key]!);
  else if (key === "Home") move(0);
  else if (key === "End") move(Number.MAX_SAFE_INTEGER);
  else if (key === "Enter") enter();
  else return;
  event.preventDefault();
}
