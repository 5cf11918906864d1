// The rows of a list as they are now: loaded as they come into sight, and looked at again while they are.
import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { LostError } from "../api";
import { lost, useLive } from "../live";
import type { Kind, Run } from "./kinds";
import { Paged } from "./paged";

const LOOK_AGAIN_SECONDS = 5;

interface InSight {
  first: number;
  last: number;
  isAtTop: boolean;
}

const TOP: InSight = { first: 0, last: 0, isAtTop: true };

export interface Runs<R> {
  paged: Paged<R & { id: string }>;
  error: Error | undefined;
  /** To be told which rows are in sight, and whether the first one is. */
  show: (first: number, last: number, isAtTop: boolean) => void;
}

export function useRuns<R extends Run>(kind: Kind<R>, asked: object, sort: string): Runs<R> {
  const [, render] = useReducer((x: number) => x + 1, 0);
  const key = JSON.stringify([kind.path, asked, sort]);
  const [failure, setFailure] = useState<Error>();
  const inSight = useRef(TOP);
  const paged = useMemo(
    () => new Paged<R>((cursor, signal) => kind.page(asked, sort, cursor, signal), () => render(undefined as never)),
    [key],
  );
  useEffect(() => {
    inSight.current = TOP;
    setFailure(undefined);
    return () => paged.end();
  }, [paged]);
  const live = useLive(key, (signal) => lookAgain(kind, paged, inSight.current, signal), LOOK_AGAIN_SECONDS);
  const show = (first: number, last: number, isAtTop: boolean): void => {
    inSight.current = { first, last, isAtTop };
    if (paged.isBegun) paged.show(first, last).catch((error: Error) => tell(error, setFailure));
  };
  return { paged, error: live.error ?? failure, show };
}

/** The first page while its first row is in sight; further down only the rows that are, so that none moves. */
async function lookAgain<R extends Run>(
  kind: Kind<R>,
  paged: Paged<R>,
  { first, last, isAtTop }: InSight,
  signal: AbortSignal,
): Promise<void> {
  if (!paged.isBegun || isAtTop) return paged.refresh();
  const ids = [];
  for (let i = first; i <= last; i++) {
    const row = paged.at(i);
    if (row) ids.push(row.id);
  }
  if (ids.length) paged.update(await kind.byIds(ids, signal));
}

function tell(error: Error, show: (error: Error) => void): void {
  if (error instanceof LostError) lost();
  else if (error.name !== "AbortError") show(error);
}
