// The filters of a list, and its order: whatever is changed here changes the address, and so the list.
import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../api";
import { Menu } from "../components/Menu";
import { StateShape } from "../components/State";
import { useLive } from "../live";
import { setQuery } from "../router";
import { LABELS, STATE_TYPES } from "../states";
import { FILTER_NAMES, LAST, type Filters } from "./filters";

const TYPING_MS = 350;

export function FilterBar({ filters, isFiltered }: { filters: Filters; isFiltered: boolean }) {
  const clear = (): void => setQuery(Object.fromEntries(FILTER_NAMES.map((x) => [x, null])));
  return (
    <div class="filters" role="group" aria-label="Filters">
      <States filters={filters} />
      <Typed name="name" label="Name contains" value={filters.name} />
      <Typed name="tag" label="Tags" value={filters.tags.join(", ")} hint="all of them, with commas" />
      <FlowName value={filters.flow} />
      <Times filters={filters} />
      <Chip name="state_name" label="State" value={filters.stateName} />
      <Chip name="flow_run" label="Flow run" value={filters.flowRun.slice(0, 8)} />
      {isFiltered && (
        <button type="button" class="quiet" onClick={clear}>
          Clear filters
        </button>
      )}
    </div>
  );
}

function States({ filters }: { filters: Filters }) {
  const chosen = filters.states;
  const label = chosen.length === 0 ? "Any state" : chosen.length === 1 ? LABELS[chosen[0]!] : `${chosen.length} states`;
  return (
    <Menu label={label} isSet={chosen.length > 0}>
      {STATE_TYPES.map((type) => (
        <label class="inline">
          <input
            type="checkbox"
            checked={chosen.includes(type)}
            onChange={(event) => {
              const rest = chosen.filter((x) => x !== type);
              setQuery({ state: event.currentTarget.checked ? [...rest, type] : rest });
            }}
          />
          <StateShape type={type} />
          {LABELS[type]}
        </label>
      ))}
    </Menu>
  );
}

interface TypedProps {
  name: string;
  label: string;
  value: string;
  hint?: string;
  list?: string;
}

/** A text that counts once nobody has typed for a moment, or at once on Enter. */
function Typed({ name, label, value, hint, list }: TypedProps) {
  const [text, setText] = useState(value);
  const timer = useRef(0);
  useEffect(() => setText(value), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const apply = (now: string): void => {
    clearTimeout(timer.current);
    setQuery({ [name]: name === "tag" ? now.split(",").map((x) => x.trim()) : now.trim() });
  };
  const typed = (now: string): void => {
    setText(now);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => apply(now), TYPING_MS);
  };
  return (
    <input
      type="text"
      class={value ? "set" : undefined}
      aria-label={hint ? `${label}, ${hint}` : label}
      placeholder={label}
      title={hint}
      value={text}
      list={list}
      autocomplete="off"
      spellcheck={false}
      onInput={(event) => typed(event.currentTarget.value)}
      onKeyDown={(event) => event.key === "Enter" && apply(event.currentTarget.value)}
    />
  );
}

function FlowName({ value }: { value: string }) {
  const flows = useLive("flow-names", (signal) => api.post("/flows/filter", { body: { limit: 200 }, signal }), 0);
  return (
    <>
      <Typed name="flow" label="Flow" value={value} list="flow-names" />
      <datalist id="flow-names">
        {flows.data?.map((flow) => (
          <option value={flow.name} />
        ))}
      </datalist>
    </>
  );
}

function Times({ filters }: { filters: Filters }) {
  const isSpan = Boolean(filters.after || filters.before);
  const [isChoosing, setChoosing] = useState(false);
  const choose = (value: string): void => {
    setChoosing(value === "span");
    setQuery({ last: value === "span" ? null : value, after: null, before: null });
  };
  const chosen = isSpan || isChoosing ? "span" : filters.last;
  return (
    <>
      <select aria-label="Time" class={chosen ? "set" : undefined} value={chosen} onChange={(e) => choose(e.currentTarget.value)}>
        <option value="">Any time</option>
        {Object.entries(LAST).map(([name, { label }]) => (
          <option value={name}>{label}</option>
        ))}
        <option value="span">From … to …</option>
      </select>
      {chosen === "span" && (
        <>
          <Moment name="after" label="From" value={filters.after} />
          <Moment name="before" label="To" value={filters.before} />
        </>
      )}
    </>
  );
}

function Moment({ name, label, value }: { name: string; label: string; value: string }) {
  return (
    <input
      type="datetime-local"
      step="1"
      aria-label={label}
      title={label}
      value={value && local(new Date(value))}
      onChange={(event) => {
        const time = new Date(event.currentTarget.value);
        setQuery({ [name]: Number.isNaN(time.getTime()) ? null : time.toISOString(), last: null });
      }}
    />
  );
}

/** A time as the browser's field has it: the reader's own, to the second. */
function local(time: Date): string {
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/** A filter that links set: it can be taken out. */
function Chip({ name, label, value }: { name: string; label: string; value: string }) {
  if (!value) return null;
  return (
    <button type="button" class="set" onClick={() => setQuery({ [name]: null })} aria-label={`Remove the filter: ${label} ${value}`}>
      {label}: {value} <span aria-hidden="true">×</span>
    </button>
  );
}
