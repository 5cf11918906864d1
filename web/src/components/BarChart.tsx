// Bars stacked by state over time, drawn by uPlot; a span is chosen by dragging, one bar by a click. For the eye and the mouse
// alone: whoever shows it shows the same as a table beside it.
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { count } from "../format";
import { colour, LABELS, STATE_TYPES, stateColour, type StateType } from "../states";
import { useShared } from "../store";
import { repaint } from "../theme";

export interface Bar {
  /** Milliseconds since 1970. */
  start: number;
  counts: Partial<Record<StateType, number>>;
}

interface Props {
  bars: Bar[];
  /** Of a bar, in milliseconds. */
  width: number;
  label: string;
  /** Called with the beginning of the first chosen bar and the end of the last. */
  onChoose: (start: number, end: number) => void;
}

const HEIGHT = 170;
/** A shorter drag, in pixels, is a click. */
const SHORTEST_DRAG = 4;

export function BarChart(props: Props) {
  const element = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>();
  const current = useRef(props);
  current.current = props;
  const [under, setUnder] = useState<Bar>();
  const painted = useShared(repaint);
  const types = STATE_TYPES.filter((type) => props.bars.some((x) => x.counts[type]));
  const key = types.join();
  useEffect(() => {
    const { clientWidth } = element.current!;
    const made = new uPlot(options(current, clientWidth, setUnder), stacked(current.current.bars, types), element.current!);
    chart.current = made;
    const observer = new ResizeObserver(([entry]) => made.setSize({ width: entry!.contentRect.width, height: HEIGHT }));
    observer.observe(element.current!);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [key, painted, props.width]);
  useEffect(() => chart.current?.setData(stacked(props.bars, types)), [props.bars, key]);
  return (
    <figure class="chart">
      <div ref={element} class="plot" role="img" aria-label={props.label} />
      <figcaption aria-hidden="true">{under ? inWords(under, props.width) : "Drag over a span to see its runs"}</figcaption>
    </figure>
  );
}

function inWords(bar: Bar, width: number): string {
  const counts = STATE_TYPES.filter((x) => bar.counts[x]).map((x) => `${count(bar.counts[x]!)} ${LABELS[x].toLowerCase()}`);
  const at = new Date(bar.start);
  const end = new Date(bar.start + width);
  const clock = (x: Date): string => x.toTimeString().slice(0, 5);
  return `${at.toLocaleDateString(undefined, { month: "short", day: "numeric" })}, ${clock(at)}–${clock(end)}: ${counts.join(", ") || "nothing"}`;
}

/** One row of numbers a type, each the sum of its own and those below: bars of the largest are drawn first. */
function stacked(bars: Bar[], types: StateType[]): uPlot.AlignedData {
  const below = bars.map(() => 0);
  const rows = types.map((type) => bars.map((bar, i) => (below[i] = below[i]! + (bar.counts[type] ?? 0))));
  return [bars.map((x) => x.start / 1000), ...rows.reverse()];
}

function options(props: { current: Props }, width: number, tell: (bar: Bar | undefined) => void): uPlot.Options {
  const types = STATE_TYPES.filter((type) => props.current.bars.some((x) => x.counts[type])).reverse();
  const muted = colour("--muted");
  const line = colour("--line");
  const axis = { stroke: muted, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  return {
    width,
    height: HEIGHT,
    padding: [8, 4, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false, dist: SHORTEST_DRAG } },
    scales: { x: { range: (u) => edges(u, props.current.width) }, y: { range: (_, __, most) => [0, Math.max(1, most)] } },
    axes: [
      { ...axis, size: 36, space: 64, grid: { show: false }, values: (_, ticks) => ticks.map((x, i) => tick(x, i, ticks)) },
      { ...axis, size: 52, values: (_, ticks) => ticks.map((x) => (Number.isInteger(x) ? count(x) : "")) },
    ],
    series: [{}, ...types.map((type) => series(type))],
    hooks: {
      setCursor: [(u) => tell(u.cursor.idx === null || u.cursor.idx === undefined ? undefined : props.current.bars[u.cursor.idx])],
      setSelect: [(u) => choose(u, props.current)],
      ready: [(u) => onClick(u, props)],
    },
  };
}

const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });

/** The clock's time, with the day below it where that begins. */
function tick(seconds: number, i: number, all: readonly number[]): string {
  const at = new Date(seconds * 1000);
  const clock = at.toTimeString().slice(0, 5);
  const isNewDay = i === 0 || new Date(all[i - 1]! * 1000).getDate() !== at.getDate();
  if (clock === "00:00") return day.format(at);
  return isNewDay && i > 0 ? `${clock}\n${day.format(at)}` : clock;
}

function series(type: StateType): uPlot.Series {
  const fill = stateColour(type);
  return {
    label: LABELS[type],
    fill,
    stroke: fill,
    width: 0,
    points: { show: false },
    // Bars begin at their time and leave a little room between each other.
    paths: uPlot.paths.bars!({ size: [0.86, Infinity], align: 1 }),
  };
}

/** From the first bar's beginning to the last one's end. */
function edges(u: uPlot, width: number): [number, number] {
  const times = u.data[0];
  return times.length ? [times[0]!, times.at(-1)! + width / 1000] : [0, 1];
}

/** The bars that a drag has touched. */
function choose(u: uPlot, { width, onChoose }: Props): void {
  const { left, width: dragged } = u.select;
  if (dragged < SHORTEST_DRAG) return;
  const whole = (x: number): number => Math.floor((u.posToVal(x, "x") * 1000) / width) * width;
  onChoose(whole(left), whole(left + dragged - 1) + width);
}

function onClick(u: uPlot, props: { current: Props }): void {
  let from = 0;
  u.over.addEventListener("pointerdown", (event) => (from = event.clientX));
  u.over.addEventListener("click", (event) => {
    if (Math.abs(event.clientX - from) >= SHORTEST_DRAG) return;
    const { width, onChoose } = props.current;
    const start = Math.floor((u.posToVal(event.offsetX, "x") * 1000) / width) * width;
    onChoose(start, start + width);
  });
}
