// Sets a run's state: what would happen is asked of the server and shown before anything is done.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { api, ApiError, type Schemas } from "../api";
import { LABELS, STATE_TYPES, type StateType } from "../states";
import { Ask } from "./Ask";
import { Effects } from "./Effects";

type Preview = Schemas["PreviewAnswer"];
type Noun = "task_runs" | "flow_runs";

interface Props {
  noun: Noun;
  run: { id: string; name: string };
  /** Where it is to go, if that is not to be chosen. */
  type?: StateType;
  title?: string;
  label?: string;
  onDone: () => void;
  onClose: () => void;
  /** What else is to be said of it. */
  children?: ComponentChildren;
}

interface Wanted {
  type: StateType;
  message: string;
  force: boolean;
}

const bodyOf = ({ type, message, force }: Wanted) => ({ state: { type, message: message || null }, force });

export function SetState({ noun, run, type, title, label, onDone, onClose, children }: Props) {
  const [wanted, setWanted] = useState<Wanted>({ type: type ?? "COMPLETED", message: "", force: false });
  const { preview, error } = usePreview(noun, run.id, wanted);
  const change = (changes: Partial<Wanted>): void => setWanted({ ...wanted, ...changes });
  const act = async (): Promise<void> => {
    const path = { id: run.id };
    const body = bodyOf(wanted);
    const answer = await (noun === "task_runs"
      ? api.post("/task_runs/{id}/set_state", { path, body })
      : api.post("/flow_runs/{id}/set_state", { path, body }));
    onDone();
    // What is true has changed since the preview: the last word is said, not passed over.
    if (answer.status !== preview?.status) throw new ApiError(200, `${answer.status}: ${answer.details.reason ?? ""}`);
  };
  return (
    <Ask
      title={title ?? `Set the state of ${run.name}`}
      label={label ?? "Set the state"}
      isDangerous={wanted.type === "CANCELLED" || wanted.type === "CANCELLING"}
      isHeld={!preview?.would_write}
      act={act}
      onClose={onClose}
    >
      {!type && (
        <label>
          State
          <select value={wanted.type} onChange={(event) => change({ type: event.currentTarget.value as StateType })}>
            {STATE_TYPES.map((x) => (
              <option value={x}>{LABELS[x]}</option>
            ))}
          </select>
        </label>
      )}
      <label>
        Message
        <input value={wanted.message} maxLength={2000} onInput={(event) => change({ message: event.currentTarget.value })} />
      </label>
      <label class="inline">
        <input type="checkbox" checked={wanted.force} onChange={(event) => change({ force: event.currentTarget.checked })} />
        Force it: skip the rules that protect the run
      </label>
      {error && <p class="error">{error}</p>}
      {children}
      <div role="status">{preview && <Effects preview={preview} runId={run.id} />}</div>
    </Ask>
  );
}

/** What would happen. It is asked anew where the state or force change; the message makes no difference to it. */
function usePreview(noun: Noun, id: string, wanted: Wanted): { preview: Preview | null; error: string | null } {
  const [found, setFound] = useState<{ preview: Preview | null; error: string | null }>({ preview: null, error: null });
  useEffect(() => {
    const aborter = new AbortController();
    const options = { path: { id }, body: bodyOf(wanted), signal: aborter.signal };
    const asked =
      noun === "task_runs"
        ? api.post("/task_runs/{id}/set_state/preview", options)
        : api.post("/flow_runs/{id}/set_state/preview", options);
    asked.then(
      (preview) => setFound({ preview, error: null }),
      (error: Error) => void (aborter.signal.aborted || setFound({ preview: null, error: error.message })),
    );
    return () => aborter.abort();
  }, [noun, id, wanted.type, wanted.force]);
  return found;
}
