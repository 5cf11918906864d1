// The types of state: their order, their names, and the shape that stands beside each colour.
// The colours themselves are custom properties (style.css), so that they follow the theme.
import type { Schemas } from "./api";

export type StateType = Schemas["StateType"];

/** In the order in which they are shown and stacked: what ended at the bottom, what is to come on top. */
export const STATE_TYPES = [
  "COMPLETED",
  "FAILED",
  "CRASHED",
  "CANCELLED",
  "CANCELLING",
  "RUNNING",
  "PENDING",
  "PAUSED",
  "SCHEDULED",
] as const satisfies readonly StateType[];

export const TERMINAL: readonly StateType[] = ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"];

export const isTerminal = (type: StateType | null | undefined): boolean => !!type && TERMINAL.includes(type);

const label = (type: string): string => type.charAt(0) + type.slice(1).toLowerCase();

export const LABELS = Object.fromEntries(STATE_TYPES.map((x) => [x, label(x)])) as Record<StateType, string>;

/** The path of each type's shape in a box of 12 by 12: told apart without their colours. */
export const SHAPES: Record<StateType, string> = {
  COMPLETED: "M1.5 6.5 4.5 9.5 10.5 2.5",
  FAILED: "M2.5 2.5 9.5 9.5M9.5 2.5 2.5 9.5",
  CRASHED: "M6.5 1 3 6.5H9L5.5 11",
  CANCELLED: "M6 1.5A4.5 4.5 0 1 0 6 10.5 4.5 4.5 0 1 0 6 1.5M2.8 9.2 9.2 2.8",
  CANCELLING: "M6 1.5A4.5 4.5 0 1 0 10.5 6M2.8 9.2 9.2 2.8",
  RUNNING: "M3 1.5 10 6 3 10.5Z",
  PENDING: "M1.5 6h.01M6 6h.01M10.5 6h.01",
  PAUSED: "M4 2V10M8 2V10",
  SCHEDULED: "M6 1.5A4.5 4.5 0 1 0 6 10.5 4.5 4.5 0 1 0 6 1.5M6 3.5V6L8 7.5",
};

/** The colour of a type as it is now, for canvases, which know no custom properties. */
export const stateColour = (type: StateType): string => colour(`--state-${type.toLowerCase()}`);

/** What a custom property comes to under the theme of now. */
export function colour(property: string): string {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = `var(${property})`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
