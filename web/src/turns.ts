// How many requests are under way at once: few, so that a page which asks for many things doesn't crowd the server. Asked one
// after the other they are all there as soon, and each is answered sooner.

const MOST_AT_ONCE = 2;

let underWay = 0;
const waiting: (() => void)[] = [];

/** Does `work` once it is its turn: first come, first served. */
export async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (underWay >= MOST_AT_ONCE) await new Promise<void>((go) => waiting.push(go));
  else underWay++;
  try {
    return await work();
  } finally {
    // The turn is handed on, so that nobody comes in between.
    const next = waiting.shift();
    if (next) next();
    else underWay--;
  }
}
