// Light or dark: as the system says, or as was chosen in this browser.
import { Shared } from "./store";

export type Theme = "system" | "light" | "dark";

const KEY = "interlock.theme";
const THEMES: readonly Theme[] = ["system", "light", "dark"];

export const theme = new Shared<Theme>(stored());

function stored(): Theme {
  const text = localStorage.getItem(KEY);
  return THEMES.find((x) => x === text) ?? "system";
}

function apply(): void {
  if (theme.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
  repaint.set(repaint.value + 1);
}

/** Counts up with each change of colours: canvases draw themselves anew. */
export const repaint = new Shared(0);

export function nextTheme(): void {
  theme.set(THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length]!);
  localStorage.setItem(KEY, theme.value);
  apply();
}

export function startTheme(): void {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
  apply();
}
