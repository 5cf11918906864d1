// The rows of a long list that are in sight, by TanStack's virtualiser: a hook around its core.
import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
  type VirtualItem,
} from "@tanstack/virtual-core";
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useReducer, useState } from "preact/hooks";

interface Options {
  count: number;
  /** The element that scrolls. */
  scroller: RefObject<HTMLElement>;
  /** Height of a row in pixels. */
  rowHeight: number;
  /** Height of what stands fixed above the rows, inside what scrolls. */
  headHeight?: number;
}

export interface Rows {
  items: VirtualItem[];
  /** Pixels from the first row's upper edge to the last one's lower. */
  height: number;
  scrollTo: (index: number) => void;
}

/** Which of `count` rows to render now, each at its `start` in pixels. */
export function useRows({ count, scroller, rowHeight, headHeight = 0 }: Options): Rows {
  const [, render] = useReducer((x: number) => x + 1, 0);
  const options = {
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    scrollPaddingEnd: headHeight,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    onChange: () => render(undefined as never),
  };
  const [virtualizer] = useState(() => new Virtualizer<HTMLElement, HTMLElement>(options));
  virtualizer.setOptions(options);
  useEffect(() => virtualizer._didMount(), []);
  useLayoutEffect(() => virtualizer._willUpdate());
  return {
    items: virtualizer.getVirtualItems(),
    height: virtualizer.getTotalSize(),
    scrollTo: (index) => virtualizer.scrollToIndex(index),
  };
}
