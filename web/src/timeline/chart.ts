// A timeline on a canvas that is panned and zoomed by wheel, drag, touch and keys.
// What does not live here: drawing (paint.ts), and what stands around the canvas (Timeline.tsx).
import type { Item, Layout } from "./layout";
import { AXIS, kept, panned, rowHeight, timeAt, whole, zoomed, type Extent, type Size, type View } from "./view";
import { boxOf, coloursNow, paint, type Colours, type Scene } from "./paint";

export interface Callbacks {
  /** A bar is under the pointer, or none any more; `x` and `y` are pixels of the canvas. */
  onHover: (item: Item | null, x: number, y: number) => void;
  onSelect: (item: Item | null) => void;
  onOpen: (item: Item) => void;
}

/** The pointer may be so many pixels beside a bar. */
const NEAR = 4;
/** What moves no farther is a click. */
const CLICK = 4;
const STEP = 0.15;

export class Chart {
  private layout: Layout = { items: [], rows: [], byId: new Map(), children: new Map(), from: 0, to: 0, waiting: [] };
  private extent: Extent = { from: 0, to: 0, rows: 0 };
  private view: View = { from: 0, to: 1, top: 0 };
  private size: Size = { width: 1, height: 1 };
  private isWhole = true;
  private hovered: Item | null = null;
  private selected: Item | null = null;
  private colours: Colours = coloursNow();
  private frame = 0;
  private readonly pointers = new Map<number, { x: number; y: number }>();
  private travelled = 0;
  private readonly context: CanvasRenderingContext2D;
  private readonly aborter = new AbortController();
  private readonly observer: ResizeObserver;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly callbacks: Callbacks,
  ) {
    this.context = canvas.getContext("2d", { alpha: false })!;
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(canvas);
    this.listen();
  }

  end(): void {
    cancelAnimationFrame(this.frame);
    this.observer.disconnect();
    this.aborter.abort();
  }

  /** Shows these bars; where all was in sight, all is. */
  show(layout: Layout, isLive: boolean): void {
    const to = isLive ? Math.max(layout.to, Date.now()) : layout.to;
    this.layout = layout;
    this.extent = { from: layout.from, to, rows: layout.rows.length };
    this.selected = this.again(this.selected);
    this.hovered = this.again(this.hovered);
    this.move(this.isWhole ? whole(this.extent) : this.view);
  }

  select(item: Item | null): void {
    this.selected = item;
    if (item) this.reveal(item);
    this.draw();
  }

  recolour(): void {
    this.colours = coloursNow();
    this.draw();
  }

  fit(): void {
    this.isWhole = true;
    this.move(whole(this.extent));
  }

  /** Closer (above 1) or farther off, about the middle. */
  zoom(factor: number): void {
    this.zoomAt(factor, this.size.width / 2, AXIS + (this.size.height - AXIS) / 2);
  }

  private again(item: Item | null): Item | null {
    return (item && this.layout.byId.get(item.bar.id)) ?? null;
  }

  private zoomAt(factor: number, x: number, y: number): void {
    const next = zoomed(this.view, this.extent, this.size, factor, x, y);
    const all = whole(this.extent);
    this.isWhole = next.to - next.from >= all.to - all.from;
    this.move(next);
  }

  private pan(dx: number, dy: number): void {
    this.move(panned(this.view, this.extent, this.size, dx, dy));
  }

  private move(view: View): void {
    this.view = kept(view, this.extent, this.size);
    this.draw();
  }

  private get scene(): Scene {
    const { layout, extent, view, size, hovered, selected } = this;
    return { layout, extent, view, size, hovered, selected, now: Date.now() };
  }

  private draw(): void {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      paint(this.context, this.scene, this.colours);
    });
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return;
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.size = { width, height };
    this.move(this.isWhole ? whole(this.extent) : this.view);
  }

  /** Brings a bar into sight, if it is out of it. */
  private reveal(item: Item): void {
    const { width, height } = this.size;
    const box = boxOf(item, this.scene);
    if (box.x + box.width < 0 || box.x > width) this.pan(box.x - width / 3, 0);
    if (box.y < AXIS) this.pan(0, box.y - AXIS);
    else if (box.y + box.height > height) this.pan(0, box.y + box.height - height);
  }

  private at(x: number, y: number): Item | null {
    if (y < AXIS) return null;
    const row = Math.floor((y - AXIS + this.view.top) / rowHeight(this.view, this.extent, this.size));
    const scene = this.scene;
    let best: Item | null = null;
    let least = NEAR;
    for (const item of this.layout.rows[row] ?? []) {
      const box = boxOf(item, scene);
      const distance = Math.max(box.x - x, x - box.x - box.width, 0);
      if (distance < least) [best, least] = [item, distance];
    }
    return best;
  }

  private hover(item: Item | null, x: number, y: number): void {
    const isNew = item !== this.hovered;
    this.hovered = item;
    if (isNew) this.draw();
    if (isNew || item) this.callbacks.onHover(item, x, y);
  }

  private listen(): void {
    const on = <K extends keyof HTMLElementEventMap>(name: K, act: (event: HTMLElementEventMap[K]) => void, passive = true): void =>
      this.canvas.addEventListener(name, act, { signal: this.aborter.signal, passive });
    on("wheel", (event) => this.wheel(event), false);
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.moved(event));
    on("pointerup", (event) => this.up(event));
    on("pointercancel", (event) => void this.pointers.delete(event.pointerId));
    on("pointerleave", () => this.hover(null, 0, 0));
    on("dblclick", (event) => void (this.at(event.offsetX, event.offsetY) && this.open()));
    on("keydown", (event) => this.key(event), false);
  }

  /** With Ctrl (so do pinches on a touchpad), or once the canvas was clicked, the wheel zooms; else the page goes on scrolling. */
  private wheel(event: WheelEvent): void {
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const [dx, dy] = event.shiftKey ? [event.deltaY + event.deltaX, 0] : [event.deltaX, event.deltaY];
    const isSideways = Math.abs(dx) > Math.abs(dy);
    const mayZoom = event.ctrlKey || event.metaKey || document.activeElement === this.canvas;
    if (!isSideways && !mayZoom) return;
    event.preventDefault();
    if (isSideways) this.pan(dx * unit, 0);
    else this.zoomAt(Math.exp(-Math.max(-120, Math.min(120, dy * unit)) / 300), event.offsetX, event.offsetY);
  }

  private down(event: PointerEvent): void {
    if (event.button) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    if (this.pointers.size === 1) this.travelled = 0;
  }

  private moved(event: PointerEvent): void {
    const now = { x: event.offsetX, y: event.offsetY };
    const before = this.pointers.get(event.pointerId);
    if (!before) {
      this.hover(this.at(now.x, now.y), now.x, now.y);
      return;
    }
    this.travelled += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
    const [a, b] = [...this.pointers.values()];
    this.pointers.set(event.pointerId, now);
    if (!b) this.pan(before.x - now.x, before.y - now.y);
    else this.pinch(before, now, before === a ? b : a!);
    if (this.travelled > CLICK) this.hover(null, 0, 0);
  }

  /** One of two fingers has moved, the other stays: what is under both stays there. */
  private pinch(before: { x: number; y: number }, now: { x: number; y: number }, other: { x: number; y: number }): void {
    const wide = (p: { x: number; y: number }): number => Math.max(20, Math.hypot(p.x - other.x, p.y - other.y));
    this.zoomAt(wide(now) / wide(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
    this.pan((before.x - now.x) / 2, (before.y - now.y) / 2);
  }

  private up(event: PointerEvent): void {
    const isClick = this.pointers.delete(event.pointerId) && this.travelled <= CLICK;
    if (!isClick) return;
    this.choose(this.at(event.offsetX, event.offsetY));
  }

  private choose(item: Item | null): void {
    this.select(item);
    this.callbacks.onSelect(item);
  }

  private open(): void {
    if (this.selected) this.callbacks.onOpen(this.selected);
  }

  private readonly keys: Record<string, () => void> = {
    ArrowLeft: () => this.pan(-this.size.width * STEP, 0),
    ArrowRight: () => this.pan(this.size.width * STEP, 0),
    ArrowUp: () => this.pan(0, -this.size.height * STEP),
    ArrowDown: () => this.pan(0, this.size.height * STEP),
    "+": () => this.zoom(1.5),
    "=": () => this.zoom(1.5),
    "-": () => this.zoom(1 / 1.5),
    "0": () => this.fit(),
    Home: () => this.move({ ...this.view, from: this.extent.from, to: this.extent.from + this.view.to - this.view.from }),
    End: () => this.move({ ...this.view, from: this.extent.to - (this.view.to - this.view.from), to: this.extent.to }),
    ",": () => this.next(-1),
    ".": () => this.next(1),
    Enter: () => this.open(),
    Escape: () => this.choose(null),
  };

  private key(event: KeyboardEvent): void {
    const act = this.keys[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  /** The bar that starts before or after the selected one; of none, the first in sight. */
  private next(by: 1 | -1): void {
    const { items } = this.layout;
    const middle = timeAt(this.view, this.size.width, 0);
    const at = this.selected ? items.indexOf(this.selected) + by : items.findIndex((x) => x.start >= middle);
    const item = items[Math.min(Math.max(at, 0), items.length - 1)];
    if (item) this.choose(item);
  }
}
