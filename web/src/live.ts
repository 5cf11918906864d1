// Keeps what is shown current: asks again and again, not while nobody looks, and not while the server is lost.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { LostError, send } from "./api";
import { Shared } from "./store";

const FIRST_RETRY_SECONDS = 1;
const LAST_RETRY_SECONDS = 15;

export interface Connection {
  /** Since when the server is lost; null while it is there. */
  lostSince: Date | null;
  /** When it is asked next. */
  retryAt: number;
}

export const connection = new Shared<Connection>({ lostSince: null, retryAt: 0 });

let retrySeconds = FIRST_RETRY_SECONDS;
let timer = 0;

/** To be told that the server could not be reached: it is looked for from now on, less and less often. */
export function lost(): void {
  if (connection.value.lostSince) return;
  retrySeconds = FIRST_RETRY_SECONDS;
  wait(new Date());
}

function wait(lostSince: Date): void {
  connection.set({ lostSince, retryAt: Date.now() + retrySeconds * 1000 });
  timer = setTimeout(() => void tryNow(), retrySeconds * 1000);
  retrySeconds = Math.min(retrySeconds * 2, LAST_RETRY_SECONDS);
}

/** Looks for the server at once; whatever is live goes on when it is found. */
export async function tryNow(): Promise<void> {
  clearTimeout(timer);
  const { lostSince } = connection.value;
  if (!lostSince) return;
  try {
    await send("get", "/ready");
    connection.set({ lostSince: null, retryAt: 0 });
  } catch {
    wait(lostSince);
  }
}

export interface Live<T> {
  /** The last good answer; undefined before the first. */
  data: T | undefined;
  /** What went wrong last, if it was not that the server is lost. */
  error: Error | undefined;
  /** Asks at once: after an action, say. */
  refresh: () => void;
}

/**
 * What `load` answers, asked for again `seconds` after each answer (0: only once), and at once where `key` changes.
 * Answers to an old key are dropped; while a new one is under way the old data stays.
 */
export function useLive<T>(key: string, load: (signal: AbortSignal) => Promise<T>, seconds: number): Live<T> {
  const [state, setState] = useState<{ data?: T; error?: Error }>({});
  const [round, setRound] = useState(0);
  const current = useRef(load);
  current.current = load;
  useEffect(() => {
    const loop = new Loop((signal) => current.current(signal), seconds, setState);
    return () => loop.end();
  }, [key, seconds, round]);
  const refresh = useCallback(() => setRound((x) => x + 1), []);
  return { data: state.data, error: state.error, refresh };
}

/** One question asked again and again, until it is ended. */
class Loop<T> {
  private readonly aborter = new AbortController();
  private timer = 0;
  private isAsking = false;
  private readonly ends: (() => void)[];

  constructor(
    private readonly load: (signal: AbortSignal) => Promise<T>,
    private readonly seconds: number,
    private readonly tell: (update: (before: { data?: T }) => { data?: T; error?: Error }) => void,
  ) {
    const shown = (): void => void this.ask();
    document.addEventListener("visibilitychange", shown);
    this.ends = [
      () => document.removeEventListener("visibilitychange", shown),
      connection.listen((now) => void (now.lostSince || this.ask())),
    ];
    void this.ask();
  }

  end(): void {
    clearTimeout(this.timer);
    this.aborter.abort();
    for (const end of this.ends) end();
  }

  private async ask(): Promise<void> {
    clearTimeout(this.timer);
    if (this.isAsking || this.aborter.signal.aborted || document.hidden) return;
    this.isAsking = true;
    try {
      const data = await this.load(this.aborter.signal);
      if (!this.aborter.signal.aborted) this.tell(() => ({ data }));
    } catch (error) {
      this.fail(error);
    } finally {
      this.isAsking = false;
      this.plan();
    }
  }

  private fail(error: unknown): void {
    if (this.aborter.signal.aborted) return;
    if (error instanceof LostError) lost();
    else this.tell((before) => ({ ...before, error: error instanceof Error ? error : new Error(String(error)) }));
  }

  /** Nothing is planned while nobody looks or the server is lost: what ends that asks at once. */
  private plan(): void {
    if (!this.seconds || this.aborter.signal.aborted || document.hidden || connection.value.lostSince) return;
    this.timer = setTimeout(() => void this.ask(), this.seconds * 1000);
  }
}
