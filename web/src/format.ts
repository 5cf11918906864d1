// Times, durations and numbers as texts, in the reader's own time zone and language.

const DAY = 86_400_000;
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const dayAndClock = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
});
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const numbers = new Intl.NumberFormat();

/** 1234567 -> "1,234,567" */
export const count = (value: number): string => numbers.format(value);

/** "1 run", "2 runs" */
export const plural = (value: number, one: string, many = `${one}s`): string => `${count(value)} ${value === 1 ? one : many}`;

/** The time alone where it is today's, else with its day; "" for none. */
export function time(iso: string | null | undefined): string {
  if (!iso) return "";
  const date = new Date(iso);
  const isToday = date.toDateString() === new Date().toDateString();
  return (isToday ? clock : dayAndClock).format(date);
}

/** The whole of a time, for titles. */
export const fullTime = (iso: string | null | undefined): string => (iso ? full.format(new Date(iso)) : "");

/** Seconds -> "0.12 s", "4.2 s", "3 m 20 s", "2 h 5 m", "3 d 4 h" */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "";
  const s = Math.max(0, seconds);
  if (s < 10) return `${s.toFixed(s < 1 ? 2 : 1)} s`;
  if (s < 60) return `${Math.floor(s)} s`;
  if (s < 3600) return pair(s, 60, "m", 1, "s");
  if (s < 86_400) return pair(s, 3600, "h", 60, "m");
  return pair(s, 86_400, "d", 3600, "h");
}

function pair(seconds: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((seconds % large) / small);
  const first = `${Math.floor(seconds / large)} ${largeName}`;
  return rest ? `${first} ${rest} ${smallName}` : first;
}

/** Seconds from one time to another, or until now. */
export function secondsBetween(start: string, end?: string | null): number {
  return ((end ? Date.parse(end) : Date.now()) - Date.parse(start)) / 1000;
}

/** "12 s ago", "in 3 m"; with the day where it is more than a day away. */
export function relative(iso: string | null | undefined): string {
  if (!iso) return "";
  const ago = Date.now() - Date.parse(iso);
  if (Math.abs(ago) > DAY) return time(iso);
  const whole = duration(Math.max(1, Math.round(Math.abs(ago) / 1000))).replace(".0 ", " ");
  return ago >= 0 ? `${whole} ago` : `in ${whole}`;
}

export const isUuid = (text: string): boolean => /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test(text);
