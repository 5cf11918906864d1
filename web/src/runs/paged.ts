// A list as long as you like, page after page by the API's cursors, of which only the pages around what is in sight are kept.
// What does not live here: when to ask (useRuns.ts), and what a row looks like (RunTable.tsx).

export interface PageOf<R> {
  items: R[];
  next_cursor?: string | null;
}

export type LoadPage<R> = (cursor: string | null, signal: AbortSignal) => Promise<PageOf<R>>;

interface Page<R> {
  /** The number of its first row. */
  start: number;
  size: number;
  /** Where it begins: it can be had again. */
  cursor: string | null;
  /** null where it was let go. */
  items: R[] | null;
}

/** So many pages are kept: some thousand rows. */
const KEPT = 14;
/** The next page is asked for when so many rows or fewer follow what is in sight. */
const AHEAD = 100;

export class Paged<R extends { id: string }> {
  private pages: Page<R>[] = [];
  private next: string | null = null;
  private underWay = new Set<string | null>();
  private readonly aborter = new AbortController();

  constructor(
    private readonly load: LoadPage<R>,
    private readonly changed: () => void,
  ) {}

  /** How many rows are known of. */
  get length(): number {
    const last = this.pages.at(-1);
    return last ? last.start + last.size : 0;
  }

  get isBegun(): boolean {
    return this.pages.length > 0;
  }

  get isComplete(): boolean {
    return this.isBegun && this.next === null;
  }

  /** The row at an index; undefined where it has still to be loaded, again perhaps. */
  at(index: number): R | undefined {
    const page = this.pages[this.pageOf(index)];
    return page?.items?.[index - page.start];
  }

  /** The rows that are in memory: few, however long the list is. */
  kept(): R[] {
    return this.pages.flatMap((x) => x.items ?? []);
  }

  end(): void {
    this.aborter.abort();
  }

  /** Loads what is missing of the rows from one index to another, and what comes next where these are near the end. */
  async show(first: number, last: number): Promise<void> {
    if (!this.isBegun) return this.refresh();
    const from = this.pageOf(first);
    const to = this.pageOf(Math.min(last, this.length - 1));
    for (const page of this.pages.slice(from, to + 1)) if (!page.items) await this.fill(page);
    if (this.next !== null && last + AHEAD >= this.length) await this.append(this.next);
    this.letGo(from, to);
  }

  /** The first page as it is now; where other rows have come the list starts anew with it. */
  async refresh(): Promise<void> {
    const found = await this.load(null, this.aborter.signal);
    if (this.aborter.signal.aborted) return;
    const page = { start: 0, size: found.items.length, cursor: null, items: found.items };
    const before = this.pages[0]?.items;
    const isSame = before?.length === page.size && before.every((x, i) => x.id === found.items[i]!.id);
    this.pages = isSame ? [page, ...this.pages.slice(1)] : [page];
    if (this.pages.length === 1) this.next = found.next_cursor ?? null;
    this.changed();
  }

  /** Puts newer versions of rows in the place of those that are shown. */
  update(rows: R[]): void {
    const byId = new Map(rows.map((x) => [x.id, x]));
    for (const page of this.pages) {
      if (page.items?.some((x) => byId.has(x.id))) page.items = page.items.map((x) => byId.get(x.id) ?? x);
    }
    this.changed();
  }

  private async fill(page: Page<R>): Promise<void> {
    const found = await this.once(page.cursor);
    // A page that is asked for again may have other rows by now, never more.
    if (found) page.items = found.items.slice(0, page.size);
    this.changed();
  }

  private async append(cursor: string): Promise<void> {
    const found = await this.once(cursor);
    if (!found || this.next !== cursor) return;
    this.pages.push({ start: this.length, size: found.items.length, cursor, items: found.items });
    this.next = found.next_cursor ?? null;
    this.changed();
  }

  /** Nothing where the same page is under way already. */
  private async once(cursor: string | null): Promise<PageOf<R> | undefined> {
    if (this.underWay.has(cursor)) return undefined;
    this.underWay.add(cursor);
    try {
      const found = await this.load(cursor, this.aborter.signal);
      return this.aborter.signal.aborted ? undefined : found;
    } finally {
      this.underWay.delete(cursor);
    }
  }

  private letGo(from: number, to: number): void {
    const spare = Math.max(0, KEPT - (to - from + 1)) / 2;
    for (const [i, page] of this.pages.entries()) {
      // The first page stays: it is what a refresh is compared with.
      if (i > 0 && (i < from - spare || i > to + spare)) page.items = null;
    }
  }

  /** The number of the page that holds a row. */
  private pageOf(index: number): number {
    let low = 0;
    let high = this.pages.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.pages[middle]!.start <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
