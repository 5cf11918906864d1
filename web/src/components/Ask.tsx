// Asks before something is done: what it is and what comes with it, a button that does it, and one that doesn't.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { LostError } from "../api";
import { lost } from "../live";
import { Dialog } from "./Dialog";

interface Props {
  title: string;
  /** On the button that does it. */
  label: string;
  isDangerous?: boolean;
  /** Whether it can't be done yet. */
  isHeld?: boolean;
  /** Does it. What it raises is shown, and the dialog stays. */
  act: () => Promise<void>;
  onClose: () => void;
  children?: ComponentChildren;
}

export function Ask({ title, label, isDangerous = false, isHeld = false, act, onClose, children }: Props) {
  const [isActing, setActing] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setActing(true);
    setError(null);
    try {
      await act();
      onClose();
    } catch (problem) {
      if (problem instanceof LostError) lost();
      setError(problem instanceof Error ? problem.message : String(problem));
      setActing(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        {children}
        {error && (
          <p class="error" role="alert">
            {error}
          </p>
        )}
        <div class="actions">
          <button type="button" onClick={onClose}>
            Leave it
          </button>
          <button type="submit" class={isDangerous ? "danger" : "primary"} disabled={isActing || isHeld}>
            {label}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
