// Keys that lead somewhere, from wherever one is but a field or a dialog.
import { go } from "./router";
import { Shared } from "./store";
import { nextTheme } from "./theme";

/** Whether the help on keys is open. */
export const helpIsOpen = new Shared(false);

const AFTER_G: Record<string, [path: string, name: string]> = {
  n: ["/", "Now"],
  f: ["/flow-runs", "Flow runs"],
  t: ["/task-runs", "Task runs"],
  o: ["/flows", "Flows"],
  q: ["/queues", "Queues"],
  l: ["/limits", "Limits"],
  s: ["/settings", "Settings"],
};
/** How long the second key of a pair may take. */
const PAIR_MS = 1500;

/** What the help shows. */
export const KEYS: [keys: string[], what: string][] = [
  [["/"], "Search"],
  ...Object.entries(AFTER_G).map(([key, [, name]]): [string[], string] => [["g", key], name]),
  [["↓", "j"], "In a list: next row"],
  [["↑", "k"], "In a list: row before"],
  [["Enter"], "In a list: open the row"],
  [["d"], "Light, dark, or as the system is"],
  [["?"], "This help"],
];

let gAt = 0;

export function startShortcuts(): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (handled(event.key)) event.preventDefault();
  });
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, select, textarea, dialog, [contenteditable]") !== null;
}

function handled(key: string): boolean {
  const isSecond = performance.now() - gAt < PAIR_MS;
  gAt = key === "g" ? performance.now() : 0;
  const place = isSecond ? AFTER_G[key] : undefined;
  if (place) go(place[0]);
  else if (key === "/") document.getElementById("search")?.focus();
  else if (key === "?") helpIsOpen.set(true);
  else if (key === "d") nextTheme();
  else return false;
  return true;
}
