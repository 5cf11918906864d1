// A button that opens a small panel below itself; a click elsewhere or Escape closes it.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

interface Props {
  label: ComponentChildren;
  /** Whether what the panel holds differs from its usual. */
  isSet?: boolean;
  /** Opens to the left, where the button is at the right end. */
  isAtEnd?: boolean;
  children: ComponentChildren;
}

export function Menu({ label, isSet, isAtEnd, children }: Props) {
  const [isOpen, setOpen] = useState(false);
  const element = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => {
    if (!isOpen) return;
    const elsewhere = (event: Event): void => {
      if (!element.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", elsewhere);
    document.addEventListener("focusin", elsewhere);
    return () => {
      document.removeEventListener("pointerdown", elsewhere);
      document.removeEventListener("focusin", elsewhere);
    };
  }, [isOpen]);
  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || !isOpen) return;
    event.stopPropagation();
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div class="menu" ref={element} onKeyDown={onKey}>
      <button
        type="button"
        ref={button}
        class={isSet ? "set" : undefined}
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        onClick={() => setOpen(!isOpen)}
      >
        {label}
        <span aria-hidden="true">▾</span>
      </button>
      {isOpen && (
        <div id={id} class={isAtEnd ? "panel at-end" : "panel"}>
          {children}
        </div>
      )}
    </div>
  );
}
