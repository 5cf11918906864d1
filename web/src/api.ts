// The one way to the server: typed by its OpenAPI document, with credentials, errors and cancellation.
// What does not live here: when to ask (live.ts), and the dialog that asks for the password (components/Password.tsx).
import type { components, paths } from "./api-types";
import { Shared } from "./store";
import { inTurn } from "./turns";

export type Schemas = components["schemas"];
type Method = "get" | "post" | "put" | "patch" | "delete";
type Json<T> = T extends { content: { "application/json": infer Body } } ? Body : undefined;
type Good<T> = T extends { 200: infer R } ? Json<R> : T extends { 201: infer R } ? Json<R> : undefined;

/** The paths that have a method. */
type With<M extends Method> = { [P in keyof paths]: paths[P][M] extends { responses: unknown } ? P : never }[keyof paths];

/** What a route answers when all is well. */
export type Answer<P extends keyof paths, M extends Method> = paths[P][M] extends { responses: infer R } ? Good<R> : never;
/** What a route takes. */
export type Body<P extends keyof paths, M extends Method> = paths[P][M] extends { requestBody?: infer B }
  ? Json<NonNullable<B>>
  : undefined;

export interface Options<B> {
  /** Values of the path's `{names}`. */
  path?: Record<string, string>;
  query?: Record<string, string | number | boolean>;
  body?: B;
  signal?: AbortSignal;
}

/** The server said no: its status and its own words. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** The server could not be reached, or can't serve anybody now. */
export class LostError extends Error {}

const PASSWORD = "interlock.password";
/** A server that takes longer than this to begin an answer is as good as lost. */
const PATIENCE_MS = 30_000;
const UNABLE = [502, 503, 504];

/** Who waits for the password: the dialog is open while this is not null. `refused`: what was given is wrong. */
export const passwordWanted = new Shared<{ refused: boolean } | null>(null);

/** Keeps a password for this session of the browser, and lets all go on that wait for it. */
export function givePassword(password: string): void {
  sessionStorage.setItem(PASSWORD, password);
  passwordWanted.set(null);
}

function authorization(): Record<string, string> {
  const password = sessionStorage.getItem(PASSWORD);
  if (password === null) return {};
  const bytes = new TextEncoder().encode(password);
  return { Authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
}

/** Resolves once a password was given, after one was refused; at once where another one was given meanwhile. */
function passwordGiven(refused: string | undefined): Promise<void> {
  if (authorization().Authorization !== refused) return Promise.resolve();
  passwordWanted.set(passwordWanted.value ?? { refused: refused !== undefined });
  return new Promise((resolve) => {
    const end = passwordWanted.listen((wanted) => {
      if (wanted) return;
      end();
      resolve();
    });
  });
}

/** Asks for a path below /api and gives the whole answer, be it good or bad; raises LostError where there is none. */
export async function send(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = authorization();
  const given = headers.Authorization;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const init: RequestInit = { method: method.toUpperCase(), headers };
  if (body !== undefined) init.body = JSON.stringify(body);
  const answer = await patiently(`/api${path}`, init, signal);
  if (UNABLE.includes(answer.status)) throw new LostError(`The server answers ${answer.status}.`);
  if (answer.status !== 401) return answer;
  await passwordGiven(given);
  return send(method, path, body, signal);
}

/** The beginning of an answer; raises LostError where none comes, unless whoever asked no longer wants it. */
async function patiently(url: string, init: RequestInit, signal?: AbortSignal): Promise<Response> {
  const tooLong = new AbortController();
  const timer = setTimeout(() => tooLong.abort(), PATIENCE_MS);
  try {
    return await fetch(url, { ...init, signal: AbortSignal.any([tooLong.signal, ...(signal ? [signal] : [])]) });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new LostError("The server cannot be reached.");
  } finally {
    clearTimeout(timer);
  }
}

async function request<P extends keyof paths, M extends Method>(
  method: M,
  path: P,
  options: Options<Body<P, M>> = {},
): Promise<Answer<P, M>> {
  const filled = String(path).replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(options.path?.[name] ?? ""));
  const query = new URLSearchParams(Object.entries(options.query ?? {}).map(([k, v]) => [k, String(v)]));
  const whole = query.size ? `${filled}?${query}` : filled;
  const answer = await inTurn(() => send(method, whole, options.body, options.signal));
  if (!answer.ok) throw new ApiError(answer.status, await complaint(answer));
  const text = await answer.text();
  return (text ? JSON.parse(text) : undefined) as Answer<P, M>;
}

/** What an answer says is wrong, in one line. */
async function complaint(answer: Response): Promise<string> {
  const body: unknown = await answer.json().catch(() => null);
  if (body && typeof body === "object") {
    if ("exception_detail" in body && Array.isArray(body.exception_detail)) {
      return body.exception_detail.map((x: { loc?: unknown[]; msg?: string }) => `${x.loc?.join(".")}: ${x.msg}`).join("; ");
    }
    for (const key of ["detail", "exception_message"]) {
      const value: unknown = Reflect.get(body, key);
      if (typeof value === "string") return value;
    }
  }
  return `The server answered ${answer.status}.`;
}

type Asking<M extends Method> = <P extends With<M>>(path: P, options?: Options<Body<P, M>>) => Promise<Answer<P, M>>;

const asking =
  <M extends Method>(method: M): Asking<M> =>
  (path, options) =>
    request(method, path, options);

/** `await api.post("/task_runs/page", { body: { limit: 200 } })` */
export const api = {
  get: asking("get"),
  post: asking("post"),
  put: asking("put"),
  patch: asking("patch"),
  delete: asking("delete"),
};
