// What a proposed state would lead to, in sentences: the verdict, the rule behind it, and what else would be written.
import type { Schemas } from "../api";
import { plural, time } from "../format";
import { State } from "./State";
import "./effects.css";

type Preview = Schemas["PreviewAnswer"];
type Effect = Schemas["OutcomeAnswer"];

/** The names of rules that give out slots of concurrency limits. */
const ABOUT_SLOTS = /concurrency/;

export function Effects({ preview, runId }: { preview: Preview; runId: string }) {
  return (
    <div class={`effects ${preview.status.toLowerCase()}`}>
      <p>
        <Verdict preview={preview} />
      </p>
      {preview.details.reason && <p>“{preview.details.reason}”</p>}
      {preview.decided_by && (
        <p class="muted">
          The rule <code>{preview.decided_by.name}</code>: {preview.decided_by.description}
        </p>
      )}
      {ABOUT_SLOTS.test(preview.decided_by?.name ?? "") && !preview.would_write && (
        <p>
          <a href="/limits">Limits</a> tell who holds the slots.
        </p>
      )}
      <List preview={preview} runId={runId} />
    </div>
  );
}

function Verdict({ preview }: { preview: Preview }) {
  const { status, would_write: writes, state } = preview;
  const shown = state && <State type={state.type} name={state.name} />;
  if (status === "ACCEPT") return <>The run would go to {shown}</>;
  if (writes) return <>The run would go to {shown} instead</>;
  if (status === "WAIT") return <>The run would stay {shown} and be told to wait {plural(preview.details.delay_seconds ?? 0, "second")}</>;
  return <>It would be refused: the run would stay {shown}</>;
}

function List({ preview, runId }: { preview: Preview; runId: string }) {
  const counted = preview.changes.find((x) => x.field === "run_count");
  const sentences = preview.effects.map((x) => sentence(x, runId));
  if (counted) sentences.push(`Its count of attempts goes from ${String(counted.before)} to ${String(counted.after)}.`);
  if (!sentences.length) return null;
  return (
    <ul>
      {sentences.map((x) => (
        <li>{x}</li>
      ))}
    </ul>
  );
}

function sentence(effect: Effect, runId: string): string {
  const who = effect.run_id === runId ? "It" : `Task run ${effect.run_id}`;
  const until = effect.until ? ` until ${time(effect.until)}` : "";
  const name = effect.name ?? "";
  switch (effect.kind) {
    case "slot_taken":
      return `${who} takes a slot of the limit ${name}${until}.`;
    case "slot_kept":
      return `${who} keeps its slot of the limit ${name}${until}.`;
    case "slot_freed":
      return `${who} gives its slot of the limit ${name} back.`;
    case "work_slot_taken":
      return `${who} takes a slot of its work queue and its work pool.`;
    case "work_slot_freed":
      return `${who} gives its slot of its work queue and its work pool back.`;
    case "cache_key_remembered":
      return `Its state is kept under the cache key ${name}${until}: runs that propose that key take it.`;
    case "queued":
      return `${who} waits for a worker that serves ${name}${effect.until ? `, from ${time(effect.until)} on` : ""}.`;
    case "dequeued":
      return `${who} no longer waits for a worker.`;
    case "task_run_moved":
      return `${who} goes to ${effect.state?.name ?? "another state"}.`;
    case "result_kept":
      return `${who} keeps a result.`;
  }
}
