// What all pages have: a heading, which names the tab too, and what is shown while nothing is there yet or all went wrong.
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { Live } from "../live";

interface HeadingProps {
  title: string;
  /** What stands at the heading's right: buttons, say. */
  children?: ComponentChildren;
}

export function Heading({ title, children }: HeadingProps) {
  useEffect(() => {
    document.title = `${title} – Interlock`;
  }, [title]);
  return (
    <div class="heading">
      <h1>{title}</h1>
      {children}
    </div>
  );
}

/** Shows data once it is there, and an error above it where the last answer was one. */
export function Loaded<T>({ live, children }: { live: Live<T>; children: (data: T) => ComponentChildren }) {
  return (
    <>
      {live.error && (
        <p class="error" role="alert">
          {live.error.message}
        </p>
      )}
      {live.data === undefined ? !live.error && <p class="muted loading">Loading…</p> : children(live.data)}
    </>
  );
}
