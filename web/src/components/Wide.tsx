// What may be wider than its place, and is then scrolled sideways: by keyboard too, but no stop on the way where it fits.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export function Wide({ label, children }: { label: string; children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  const [isCut, setCut] = useState(false);
  useEffect(() => {
    const look = (): void => setCut(box.current!.scrollWidth > box.current!.clientWidth);
    const observer = new ResizeObserver(look);
    observer.observe(box.current!);
    if (box.current!.firstElementChild) observer.observe(box.current!.firstElementChild);
    return () => observer.disconnect();
  }, []);
  const reachable = isCut ? { tabIndex: 0, role: "region" as const, "aria-label": `${label}, to be scrolled sideways` } : {};
  return (
    <div class="scroll-x" ref={box} {...reachable}>
      {children}
    </div>
  );
}
