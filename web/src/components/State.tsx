// A state as it is shown everywhere: its shape in its colour, and its name beside it.
import { LABELS, SHAPES, type StateType } from "../states";

export function StateShape({ type }: { type: StateType }) {
  return (
    <svg class={`shape state-${type.toLowerCase()}`} viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      <path d={SHAPES[type]} />
    </svg>
  );
}

/** `name` is the state's own name ("Retrying"), where it differs from its type's. */
export function State({ type, name }: { type: StateType | null | undefined; name?: string | null }) {
  if (!type) return <span class="muted">No state</span>;
  return (
    <span class="state">
      <StateShape type={type} />
      {name || LABELS[type]}
    </span>
  );
}
