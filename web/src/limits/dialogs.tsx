// What can be done about a limit, each asking first: create, change, reset, delete.
import { useState } from "preact/hooks";
import { api, type Schemas } from "../api";
import { Ask } from "../components/Ask";
import { plural } from "../format";
import { tagOf } from "./names";

type Limit = Schemas["GlobalLimitAnswer"];

export type Asked = { what: "create" } | { what: "change" | "reset" | "delete"; limit: Limit };

interface Props<A> {
  asked: A;
  onDone: () => void;
  onClose: () => void;
}

export function LimitDialog({ asked, onDone, onClose }: Props<Asked>) {
  if (asked.what === "create") return <Create onDone={onDone} onClose={onClose} />;
  const { limit } = asked;
  const Dialog = { change: Change, reset: Reset, delete: Delete }[asked.what];
  return <Dialog asked={limit} onDone={onDone} onClose={onClose} />;
}

const taken = (limit: Limit): number => Math.floor(limit.active_slots);

interface Terms {
  slots: string;
  decay: string;
  isActive: boolean;
}

function TermFields({ terms, change, hasDecay }: { terms: Terms; change: (changes: Partial<Terms>) => void; hasDecay: boolean }) {
  return (
    <>
      <label>
        Slots
        <input
          type="number"
          min={0}
          max={2_147_483_647}
          step={1}
          required
          value={terms.slots}
          onInput={(event) => change({ slots: event.currentTarget.value })}
        />
      </label>
      {hasDecay && (
        <label>
          Slots that free themselves each second (0: none do)
          <input type="number" min={0} step="any" required value={terms.decay} onInput={(event) => change({ decay: event.currentTarget.value })} />
        </label>
      )}
      <label class="inline">
        <input type="checkbox" checked={terms.isActive} onChange={(event) => change({ isActive: event.currentTarget.checked })} />
        It is in force
      </label>
    </>
  );
}

const valuesOf = (terms: Terms) => ({
  limit: Number(terms.slots),
  active: terms.isActive,
  slot_decay_per_second: Number(terms.decay),
});

function Create({ onDone, onClose }: Omit<Props<null>, "asked">) {
  const [isOfTag, setOfTag] = useState(true);
  const [name, setName] = useState("");
  const [terms, setTerms] = useState<Terms>({ slots: "1", decay: "0", isActive: true });
  const act = async (): Promise<void> => {
    const full = isOfTag ? `tag:${name.trim()}` : name.trim();
    await api.post("/v2/concurrency_limits/", { body: { name: full, ...valuesOf(terms) } });
    onDone();
  };
  return (
    <Ask title="A new limit" label="Create it" isHeld={!name.trim()} act={act} onClose={onClose}>
      <fieldset>
        <legend>Of what</legend>
        <label class="inline">
          <input type="radio" name="kind" checked={isOfTag} onChange={() => setOfTag(true)} />
          Task runs with a tag
        </label>
        <label class="inline">
          <input type="radio" name="kind" checked={!isOfTag} onChange={() => setOfTag(false)} />
          Whoever takes slots by its name
        </label>
      </fieldset>
      <label>
        {isOfTag ? "Tag" : "Name"}
        <input required value={name} maxLength={500} onInput={(event) => setName(event.currentTarget.value)} />
      </label>
      <TermFields terms={terms} change={(x) => setTerms({ ...terms, ...x })} hasDecay={!isOfTag} />
      {isOfTag && Number(terms.slots) === 0 && <p class="error">With no slots, each task run with the tag is refused when it is to start.</p>}
    </Ask>
  );
}

function Change({ asked: limit, onDone, onClose }: Props<Limit>) {
  const [terms, setTerms] = useState<Terms>({
    slots: String(limit.limit),
    decay: String(limit.slot_decay_per_second),
    isActive: limit.active,
  });
  const act = async (): Promise<void> => {
    await api.patch("/v2/concurrency_limits/{id_or_name}", { path: { id_or_name: limit.id }, body: valuesOf(terms) });
    onDone();
  };
  return (
    <Ask title={`Change the limit ${limit.name}`} label="Change it" act={act} onClose={onClose}>
      <TermFields terms={terms} change={(x) => setTerms({ ...terms, ...x })} hasDecay={tagOf(limit.name) === null} />
      <p class="muted" role="status">
        {consequence(limit, terms)}
      </p>
    </Ask>
  );
}

function consequence(limit: Limit, terms: Terms): string {
  const slots = Number(terms.slots);
  const held = taken(limit);
  if (!terms.isActive) return "A limit that is not in force limits nothing.";
  if (slots === 0 && tagOf(limit.name) !== null) return "With no slots, each task run with the tag is refused when it is to start.";
  if (held > slots) return `${plural(held, "slot is", "slots are")} taken: who holds them keeps them, and nobody gets one until fewer than ${slots} are.`;
  return `${plural(slots - held, "slot")} will be free.`;
}

function Reset({ asked: limit, onDone, onClose }: Props<Limit>) {
  const tag = tagOf(limit.name);
  const act = async (): Promise<void> => {
    if (tag !== null) await api.post("/concurrency_limits/tag/{tag}/reset", { path: { tag }, body: {} });
    else await api.patch("/v2/concurrency_limits/{id_or_name}", { path: { id_or_name: limit.id }, body: { active_slots: 0 } });
    onDone();
  };
  return (
    <Ask title={`Reset the limit ${limit.name}?`} label="Free all its slots" isDangerous act={act} onClose={onClose}>
      <ul>
        <li>{taken(limit) ? `${plural(taken(limit), "slot comes", "slots come")} free at once.` : "No slot of it is taken now."}</li>
        <li>Who holds one is not told and goes on: as many others may start beside it.</li>
        <li>It is meant for slots whose holders are gone.</li>
      </ul>
    </Ask>
  );
}

function Delete({ asked: limit, onDone, onClose }: Props<Limit>) {
  const act = async (): Promise<void> => {
    await api.delete("/v2/concurrency_limits/{id_or_name}", { path: { id_or_name: limit.id } });
    onDone();
  };
  return (
    <Ask title={`Delete the limit ${limit.name}?`} label="Delete it" isDangerous act={act} onClose={onClose}>
      <ul>
        <li>{tagOf(limit.name) === null ? "Who takes slots by its name" : "Task runs with the tag"} are no longer limited by it.</li>
        {taken(limit) > 0 && <li>{plural(taken(limit), "slot is", "slots are")} taken: their holders go on.</li>}
        <li>This can't be undone.</li>
      </ul>
    </Ask>
  );
}
