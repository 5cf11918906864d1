// What a run has logged, the newest at the bottom, and what it goes on logging.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { api, type Body, type Schemas } from "../api";
import { fullTime, time } from "../format";
import { useLive } from "../live";
import "./logs.css";

type Line = Schemas["LogAnswer"];
type Filter = NonNullable<NonNullable<Body<"/logs/page", "post">>["logs"]>;

interface Props {
  /** Whose lines. */
  of: { flowRunId: string } | { taskRunId: string };
  isLive: boolean;
  /** The name of a task run, to stand beside its lines. */
  nameOf?: (taskRunId: string) => string | undefined;
}

const PAGE = 200;
const MOST_LINES = 2000;
const LIVE_SECONDS = 2;
/** Lines may arrive so much later than others that were logged after them. */
const SLACK_MS = 5000;
const LEVELS: [least: number, name: string][] = [
  [0, "All levels"],
  [20, "Info and up"],
  [30, "Warnings and up"],
  [40, "Errors and up"],
];

export function Logs({ of, isLive, nameOf }: Props) {
  const [level, setLevel] = useState(0);
  const [text, setText] = useState("");
  const [typed, setTyped] = useState("");
  const filter = filterOf(of, level, text);
  const key = JSON.stringify(filter);
  const lines = useLines(key, filter, isLive);
  return (
    <div class="logs">
      <form
        class="logs-tools"
        onSubmit={(event) => {
          event.preventDefault();
          setText(typed.trim());
        }}
      >
        <select aria-label="Level" value={level} onChange={(event) => setLevel(Number(event.currentTarget.value))}>
          {LEVELS.map(([least, name]) => (
            <option value={least}>{name}</option>
          ))}
        </select>
        <input
          type="search"
          aria-label="Text in the logs"
          placeholder="Text"
          value={typed}
          onInput={(event) => {
            setTyped(event.currentTarget.value);
            if (!event.currentTarget.value) setText("");
          }}
        />
        <button type="submit">Find</button>
      </form>
      <Lines {...lines} nameOf={nameOf} isLive={isLive} />
    </div>
  );
}

function filterOf(of: Props["of"], level: number, text: string): Filter {
  const filter: Filter = "taskRunId" in of ? { task_run_id: { any_: [of.taskRunId] } } : { flow_run_id: { any_: [of.flowRunId] } };
  if (level) filter.level = { ge_: level };
  if (text) filter.text = { like_: text };
  return filter;
}

interface Held {
  lines: Line[];
  /** Leads to older lines; null where there are none. */
  older: string | null;
}

interface Found extends Held {
  isThere: boolean;
  error: Error | undefined;
  loadOlder: () => void;
}

function useLines(key: string, filter: Filter, isLive: boolean): Found {
  const held = useRef<{ key: string } & Held>({ key: "", lines: [], older: null });
  const [, render] = useState(0);
  const load = async (signal: AbortSignal): Promise<string> => {
    if (held.current.key !== key) {
      const page = await api.post("/logs/page", { body: { logs: filter, sort: "TIMESTAMP_DESC", limit: PAGE }, signal });
      held.current = { key, lines: page.items.reverse(), older: page.next_cursor };
    } else {
      await addNew(held.current, filter, signal);
    }
    return key;
  };
  // One more look after the run has ended finds its last lines.
  const live = useLive(`${key} ${isLive}`, load, isLive ? LIVE_SECONDS : 0);
  const loadOlder = async (): Promise<void> => {
    const now = held.current;
    if (!now.older) return;
    const body = { logs: filter, sort: "TIMESTAMP_DESC" as const, limit: PAGE, cursor: now.older };
    const page = await api.post("/logs/page", { body });
    now.lines = [...page.items.reverse(), ...now.lines];
    now.older = page.next_cursor;
    render((x) => x + 1);
  };
  const isThere = live.data === key;
  return { ...(isThere ? held.current : { lines: [], older: null }), isThere, error: live.error, loadOlder: () => void loadOlder() };
}

/** Adds the lines that have come since; the oldest make way for them. */
async function addNew(held: Held, filter: Filter, signal: AbortSignal): Promise<void> {
  const last = held.lines.at(-1);
  const since = last && new Date(Date.parse(last.timestamp) - SLACK_MS).toISOString();
  const logs = since ? { ...filter, timestamp: { after_: since } } : filter;
  const page = await api.post("/logs/page", { body: { logs, sort: "TIMESTAMP_DESC", limit: PAGE }, signal });
  const known = new Set(held.lines.slice(-2 * PAGE).map((x) => x.id));
  const fresh = page.items.filter((x) => !known.has(x.id));
  if (!fresh.length) return;
  held.lines = [...held.lines, ...fresh.reverse()].sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1)).slice(-MOST_LINES);
}

function Lines({ lines, older, isThere, error, loadOlder, nameOf, isLive }: Found & Pick<Props, "nameOf" | "isLive">) {
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    if (isAtEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines]);
  useEffect(() => {
    isAtEnd.current = true;
  }, [isThere]);
  const scrolled = (): void => {
    const { scrollTop, scrollHeight, clientHeight } = box.current!;
    isAtEnd.current = scrollTop + clientHeight >= scrollHeight - 8;
  };
  return (
    <div class="lines" ref={box} onScroll={scrolled} tabIndex={0} role="log" aria-live="off" aria-label="Lines">
      {error && <p class="error">{error.message}</p>}
      {older && (
        <button type="button" onClick={loadOlder}>
          Older lines
        </button>
      )}
      {lines.map((x) => (
        <LogLine key={x.id} line={x} name={x.task_run_id ? nameOf?.(x.task_run_id) : undefined} />
      ))}
      {isThere && !lines.length && <p class="muted">{isLive ? "Nothing has been logged yet." : "Nothing was logged."}</p>}
    </div>
  );
}

const levelName = (level: number): string =>
  level >= 50 ? "CRITICAL" : level >= 40 ? "ERROR" : level >= 30 ? "WARNING" : level >= 20 ? "INFO" : "DEBUG";

function LogLine({ line, name }: { line: Line; name: string | undefined }) {
  const level = levelName(line.level);
  return (
    <div class={`line ${level.toLowerCase()}`}>
      <time dateTime={line.timestamp} title={fullTime(line.timestamp)}>
        {time(line.timestamp)}
      </time>{" "}
      <span class="level">{level}</span>{" "}
      {name && (
        <>
          <a href={`/task-runs/${line.task_run_id}`}>{name}</a>{" "}
        </>
      )}
      {line.message}
    </div>
  );
}
