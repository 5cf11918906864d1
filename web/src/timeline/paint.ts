// Draws a timeline on a canvas. What does not live here: where things are (layout.ts, view.ts) and what moves them (chart.ts).
import { colour, SHAPES, STATE_TYPES, stateColour, type StateType } from "../states";
import type { Item, Layout } from "./layout";
import { AXIS, rowHeight, ticks, xOf, type Extent, type Size, type View } from "./view";

/** All edges are drawn where there are no more bars than these; of more, those of the bar at hand. */
const ALL_EDGES = 120;
/** A bar of so many pixels across and down has its name on it, */
const LEAST_NAMED_HEIGHT = 11;
const NAMED = 44;
/** unless there would be more than so many names. */
const MOST_NAMES = 400;
const FONT = "11px system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif";
const GLYPH = 12;
const TROUBLE: readonly StateType[] = ["FAILED", "CRASHED"];

export interface Colours {
  states: Record<StateType, string>;
  text: string;
  muted: string;
  line: string;
  surface: string;
  accent: string;
}

export function coloursNow(): Colours {
  const states = Object.fromEntries(STATE_TYPES.map((x) => [x, stateColour(x)])) as Record<StateType, string>;
  const [text, muted, line, surface, accent] = ["text", "muted", "line", "surface", "accent"].map((x) => colour(`--${x}`));
  return { states, text: text!, muted: muted!, line: line!, surface: surface!, accent: accent! };
}

export interface Scene {
  layout: Layout;
  extent: Extent;
  view: View;
  size: Size;
  now: number;
  hovered: Item | null;
  selected: Item | null;
}

interface Box {
  item: Item;
  x: number;
  y: number;
  width: number;
  height: number;
}

const glyphs = Object.fromEntries(STATE_TYPES.map((x) => [x, new Path2D(SHAPES[x])])) as Record<StateType, Path2D>;
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const minutes = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });
const days = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });

export function paint(context: CanvasRenderingContext2D, scene: Scene, colours: Colours): void {
  const { width, height } = scene.size;
  context.fillStyle = colours.surface;
  context.fillRect(0, 0, width, height);
  context.font = FONT;
  context.textBaseline = "middle";
  paintAxis(context, scene, colours);
  context.save();
  context.beginPath();
  context.rect(0, AXIS, width, height - AXIS);
  context.clip();
  paintAllEdges(context, scene, colours);
  paintBars(context, scene, colours);
  paintEdges(context, scene, colours);
  paintMarks(context, scene, colours);
  context.restore();
}

function paintAxis(context: CanvasRenderingContext2D, { view, size, now }: Scene, colours: Colours): void {
  const { step, times } = ticks(view, size.width);
  context.strokeStyle = colours.line;
  context.fillStyle = colours.muted;
  context.beginPath();
  for (const time of times) {
    const x = Math.round(xOf(view, size.width, time)) + 0.5;
    context.moveTo(x, AXIS);
    context.lineTo(x, size.height);
    context.fillText(tickText(time, step), Math.max(2, x - 24), AXIS / 2);
  }
  context.stroke();
  const x = Math.round(xOf(view, size.width, now)) + 0.5;
  if (x < 0 || x > size.width) return;
  context.save();
  context.strokeStyle = colours.accent;
  context.setLineDash([3, 3]);
  context.beginPath();
  context.moveTo(x, AXIS);
  context.lineTo(x, size.height);
  context.stroke();
  context.restore();
}

function tickText(time: number, step: number): string {
  if (step < 1000) return `${clock.format(time)}.${String(((time % 1000) + 1000) % 1000).padStart(3, "0")}`;
  if (step >= 86_400_000) return days.format(time);
  return (step < 60_000 ? clock : minutes).format(time);
}

/** Where a bar is, whether or not that is in sight. */
export function boxOf(item: Item, { view, size, extent, now }: Scene, height = rowHeight(view, extent, size)): Box {
  const x = xOf(view, size.width, item.start);
  const end = xOf(view, size.width, Number.isFinite(item.end) ? item.end : Math.max(now, item.start));
  const gap = height > 8 ? 2 : height > 5 ? 1 : 0.5;
  return { item, x, y: AXIS + item.row * height - view.top + gap / 2, width: Math.max(2, end - x), height: height - gap };
}

function boxesInSight(scene: Scene): Box[] {
  const { layout, view, size, extent } = scene;
  const height = rowHeight(view, extent, size);
  const first = Math.max(0, Math.floor(view.top / height));
  const last = Math.min(layout.rows.length, Math.ceil((view.top + size.height) / height));
  const boxes: Box[] = [];
  for (let row = first; row < last; row++) {
    for (const item of layout.rows[row]!) {
      const box = boxOf(item, scene, height);
      if (box.x > size.width) break;
      if (box.x + box.width >= 0) boxes.push(box);
    }
  }
  return boxes;
}

function paintBars(context: CanvasRenderingContext2D, scene: Scene, colours: Colours): void {
  const boxes = boxesInSight(scene);
  const canName = (boxes[0]?.height ?? 0) >= LEAST_NAMED_HEIGHT;
  const isWaterfall = scene.layout.rows.length === scene.layout.items.length;
  const named = canName ? boxes.filter((x) => isWaterfall || x.width >= NAMED) : [];
  const isNamed = named.length > 0 && named.length <= MOST_NAMES;
  for (const [type, group] of byType(boxes)) {
    context.fillStyle = colours.states[type];
    // As a ground for a text a bar is pale, with an edge of the full colour.
    const isPale = (box: Box): boolean => isNamed && box.width >= NAMED;
    for (const box of group) context.fillRect(box.x, box.y, isPale(box) ? 3 : box.width, box.height);
    context.globalAlpha = 0.22;
    for (const box of group) if (isPale(box)) context.fillRect(box.x + 3, box.y, box.width - 3, box.height);
    context.globalAlpha = 1;
    // Not by colour alone: what went wrong is underlined as well.
    if (!TROUBLE.includes(type)) continue;
    context.fillStyle = colours.text;
    for (const box of group) context.fillRect(box.x, box.y + box.height - 2, box.width, 2);
  }
  if (isNamed) for (const box of named) paintName(context, box, scene.size.width, colours);
}

function byType(boxes: Box[]): Map<StateType, Box[]> {
  const groups = new Map<StateType, Box[]>();
  for (const box of boxes) {
    const group = groups.get(box.item.type);
    if (group) group.push(box);
    else groups.set(box.item.type, [box]);
  }
  return groups;
}

/** Within the bar; beside it where it is too short and nothing else is in its row. */
function paintName(context: CanvasRenderingContext2D, box: Box, width: number, colours: Colours): void {
  const end = box.x + box.width;
  const isBeside = box.width < NAMED;
  const wanted = GLYPH + 5 + (isBeside ? widthOf(context, box.item.bar.name) : 0);
  const isLeft = isBeside && end + 4 + wanted > width;
  const left = isLeft ? Math.max(0, box.x - 6 - wanted) : isBeside ? end + 4 : Math.max(box.x, 0) + 7;
  const right = isLeft ? box.x : isBeside ? width : Math.min(end, width) - 4;
  const middle = box.y + box.height / 2;
  if (right - left < GLYPH) return;
  context.save();
  context.translate(left, middle - GLYPH / 2);
  context.strokeStyle = colours.states[box.item.type];
  context.lineWidth = 2;
  context.lineCap = "round";
  context.stroke(glyphs[box.item.type]);
  context.restore();
  const room = right - left - GLYPH - 5;
  if (room < 12) return;
  context.fillStyle = colours.text;
  context.fillText(cut(context, box.item.bar.name, room), left + GLYPH + 5, middle + 0.5);
}

function cut(context: CanvasRenderingContext2D, text: string, room: number): string {
  const width = widthOf(context, text);
  if (width <= room) return text;
  const length = Math.floor((text.length * room) / width) - 1;
  return length > 0 ? `${text.slice(0, length)}…` : "";
}

const widths = new Map<string, number>();

/** To measure a text takes longer than to draw it. */
function widthOf(context: CanvasRenderingContext2D, text: string): number {
  let width = widths.get(text);
  if (width === undefined) {
    if (widths.size > 20_000) widths.clear();
    width = context.measureText(text).width;
    widths.set(text, width);
  }
  return width;
}

/** Where there are few: behind the bars, whose names are to be read. */
function paintAllEdges(context: CanvasRenderingContext2D, scene: Scene, colours: Colours): void {
  const { layout } = scene;
  if (layout.items.length > ALL_EDGES) return;
  const edges = layout.items.flatMap((x) => parentEdges(x, layout));
  context.globalAlpha = 0.5;
  strokeEdges(context, scene, edges, colours.muted, 1);
  context.globalAlpha = 1;
}

function paintEdges(context: CanvasRenderingContext2D, scene: Scene, colours: Colours): void {
  const { layout, hovered, selected } = scene;
  for (const item of new Set([selected, hovered])) {
    if (item) strokeEdges(context, scene, edgesOf(item, layout), colours.accent, 1.5);
  }
}

type Edge = [from: Item, to: Item];

const parentEdges = (item: Item, layout: Layout): Edge[] =>
  item.bar.parents.flatMap((id): Edge[] => {
    const parent = layout.byId.get(id);
    return parent ? [[parent, item]] : [];
  });

const edgesOf = (item: Item, layout: Layout): Edge[] => [
  ...parentEdges(item, layout),
  ...(layout.children.get(item.bar.id) ?? []).map((child): Edge => [item, child]),
];

function strokeEdges(context: CanvasRenderingContext2D, scene: Scene, edges: Edge[], stroke: string, width: number): void {
  context.strokeStyle = stroke;
  context.lineWidth = width;
  context.beginPath();
  for (const [from, to] of edges) {
    const a = boxOf(from, scene);
    const b = boxOf(to, scene);
    const [x1, y1, x2, y2] = [a.x + a.width, a.y + a.height / 2, b.x, b.y + b.height / 2];
    const bend = Math.max(12, Math.min(60, Math.abs(x2 - x1) / 2));
    context.moveTo(x1, y1);
    context.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2, y2);
  }
  context.stroke();
}

function paintMarks(context: CanvasRenderingContext2D, scene: Scene, colours: Colours): void {
  const { layout, hovered, selected } = scene;
  context.strokeStyle = colours.accent;
  context.lineWidth = 1.5;
  for (const item of new Set([selected, hovered])) {
    if (!item) continue;
    const near = edgesOf(item, layout).flat();
    for (const each of new Set([item, ...near])) {
      const box = boxOf(each, scene);
      context.strokeRect(box.x - 1, box.y - 1, box.width + 2, box.height + 2);
    }
  }
}
