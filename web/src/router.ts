// Where the page is: the path, the filters in the query string, and links that don't reload.
// What does not live here: which path shows what (main.tsx).
import { useMemo } from "preact/hooks";
import { Shared, useShared } from "./store";

export interface Place {
  path: string;
  /** The query string, without its question mark. */
  query: string;
}

const here = (): Place => ({ path: location.pathname, query: location.search.slice(1) });

export const place = new Shared<Place>(here());

/** Goes to a path of the page, with its query string; `replace` leaves no step to go back to. */
export function go(href: string, replace = false): void {
  if (href === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", href);
  const before = place.value.path;
  place.set(here());
  if (place.value.path !== before) scrollTo(0, 0);
}

/** The parameters of the query string. */
export function useQuery(): URLSearchParams {
  const { query } = useShared(place);
  return useMemo(() => new URLSearchParams(query), [query]);
}

/** Changes parameters of the query string; null or "" takes one out. */
export function setQuery(changes: Record<string, string | string[] | null>, replace = true): void {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    query.delete(name);
    for (const one of Array.isArray(value) ? value : [value]) if (one) query.append(name, one);
  }
  go(withQuery(location.pathname, query), replace);
}

export function withQuery(path: string, query: URLSearchParams): string {
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/** What a pattern ("/flow-runs/:id") finds in a path, or null where they don't fit. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split("/");
  const given = path.replace(/(.)\/$/, "$1").split("/");
  if (wanted.length !== given.length) return null;
  const found: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    if (part.startsWith(":")) found[part.slice(1)] = decodeURIComponent(given[i]!);
    else if (part !== given[i]) return null;
  }
  return found;
}

/** From now on links to the page's own paths change the place, and so do the browser's steps back and forth. */
export function startRouter(): void {
  addEventListener("popstate", () => place.set(here()));
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (link.pathname.startsWith("/api/") || link.hash) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}
