// The ranges that the history can show, and the intervals that each is cut into.

export interface Range {
  label: string;
  /** Width of a bar. */
  seconds: number;
  bars: number;
  /** How often it is asked for again: a bar of hours does not change in seconds. */
  every: number;
}

export const RANGES: Record<string, Range> = {
  "1h": { label: "Hour", seconds: 60, bars: 60, every: 5 },
  "24h": { label: "Day", seconds: 900, bars: 96, every: 10 },
  "7d": { label: "Week", seconds: 7200, bars: 84, every: 30 },
  "30d": { label: "30 days", seconds: 28_800, bars: 90, every: 60 },
};

export const FIRST_RANGE = "24h";

/** From the first bar's beginning to the end of the one that now is in. Bars begin at whole intervals, so that they stay. */
export function span(range: Range, now: number = Date.now()): { start: string; end: string } {
  const width = range.seconds * 1000;
  const end = (Math.floor(now / width) + 1) * width;
  return { start: new Date(end - range.bars * width).toISOString(), end: new Date(end).toISOString() };
}
