// A flow run's task runs on a canvas, with what stands around it: buttons, a legend, what is known of the bar at hand.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { State, StateShape } from "../components/State";
import { count, duration, plural, time } from "../format";
import { go } from "../router";
import { LABELS, STATE_TYPES } from "../states";
import { useShared } from "../store";
import { repaint } from "../theme";
import type { Bar } from "./bars";
import { Chart } from "./chart";
import { layOut, type Item, type Layout } from "./layout";
import "./timeline.css";

interface Props {
  bars: Bar[];
  /** Whether the flow run goes on: the time of now is on the timeline then. */
  isLive: boolean;
  selected: string | null;
  onSelect: (id: string | null) => void;
}

const NOW_MS = 2000;

const KEYS =
  "Arrow keys move it, plus and minus zoom, 0 shows all. Comma and full stop go from one task run to the next, Enter opens it. The table below tells the same.";

export const pathOf = (bar: Bar): string => (bar.subflow_run_id ? `/flow-runs/${bar.subflow_run_id}` : `/task-runs/${bar.id}`);

export function Timeline({ bars, isLive, selected, onSelect }: Props) {
  const layout = useMemo(() => layOut(bars), [bars]);
  const canvas = useRef<HTMLCanvasElement>(null);
  const chart = useRef<Chart | null>(null);
  const [hovered, setHovered] = useState<{ item: Item; x: number; y: number } | null>(null);
  const repainted = useShared(repaint);
  useEffect(() => {
    const made = new Chart(canvas.current!, {
      onHover: (item, x, y) => setHovered(item && { item, x, y }),
      onSelect: (item) => onSelect(item?.bar.id ?? null),
      onOpen: (item) => go(pathOf(item.bar)),
    });
    chart.current = made;
    return () => made.end();
  }, []);
  useEffect(() => {
    const show = (): void => chart.current?.show(layout, isLive);
    show();
    if (!isLive) return;
    // What runs grows longer although nothing changes.
    const timer = setInterval(show, NOW_MS);
    return () => clearInterval(timer);
  }, [layout, isLive]);
  useEffect(() => chart.current?.select((selected && layout.byId.get(selected)) || null), [selected, layout]);
  useEffect(() => chart.current?.recolour(), [repainted]);
  const item = selected ? layout.byId.get(selected) : undefined;
  return (
    <figure class="timeline">
      <Tools chart={() => chart.current} layout={layout} />
      <div class="canvas-box">
        <canvas
          ref={canvas}
          tabIndex={0}
          role="application"
          aria-roledescription="timeline"
          aria-label={`Timeline of ${count(layout.items.length)} task runs. ${KEYS}`}
        />
        {hovered && <Tip {...hovered} />}
      </div>
      <figcaption>
        <Selected item={item} layout={layout} />
      </figcaption>
    </figure>
  );
}

function Tools({ chart, layout }: { chart: () => Chart | null; layout: Layout }) {
  const types = STATE_TYPES.filter((type) => layout.items.some((x) => x.type === type));
  return (
    <div class="timeline-tools">
      <ul class="legend" aria-label="States">
        {types.map((type) => (
          <li>
            <StateShape type={type} /> {LABELS[type]}
          </li>
        ))}
      </ul>
      <span class="muted hint">Drag to move. Ctrl and the wheel zoom; after a click the wheel alone.</span>
      <span class="buttons">
        <button type="button" aria-label="Zoom out" title="Zoom out (−)" onClick={() => chart()?.zoom(1 / 1.5)}>
          −
        </button>
        <button type="button" aria-label="Zoom in" title="Zoom in (+)" onClick={() => chart()?.zoom(1.5)}>
          +
        </button>
        <button type="button" title="Show all (0)" onClick={() => chart()?.fit()}>
          All
        </button>
      </span>
    </div>
  );
}

function Tip({ item, x, y }: { item: Item; x: number; y: number }) {
  const tip = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const box = tip.current!;
    const room = box.parentElement!.clientWidth - box.offsetWidth;
    box.style.transform = `translate(${Math.max(0, Math.min(x + 12, room))}px, ${y + 16}px)`;
  }, [item, x, y]);
  return (
    <div ref={tip} class="tip" aria-hidden="true">
      <strong>{item.bar.name}</strong>
      <State type={item.type} name={item.bar.state_name} />
      <span class="muted">
        {time(item.bar.start_time)} · {duration(secondsOf(item))}
      </span>
    </div>
  );
}

const secondsOf = (item: Item): number => ((Number.isFinite(item.end) ? item.end : Date.now()) - item.start) / 1000;

function Selected({ item, layout }: { item: Item | undefined; layout: Layout }) {
  if (!item) return <span class="muted">Select a bar to see what it depends on.</span>;
  const parents = item.bar.parents.length;
  const children = layout.children.get(item.bar.id)?.length ?? 0;
  return (
    <span class="selected-bar" role="status">
      <State type={item.type} name={item.bar.state_name} />
      <a href={pathOf(item.bar)}>{item.bar.name}</a>
      <span>{duration(secondsOf(item))}</span>
      <span class="muted">
        depends on {count(parents)}, {plural(children, "depends", "depend")} on it
      </span>
    </span>
  );
}
