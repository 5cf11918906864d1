// A value that components look at: the few things the whole page shares (the connection, the password dialog, the theme).
import { useEffect, useState } from "preact/hooks";

export class Shared<T> {
  private readonly listeners = new Set<(value: T) => void>();

  constructor(private current: T) {}

  get value(): T {
    return this.current;
  }

  set(value: T): void {
    if (Object.is(value, this.current)) return;
    this.current = value;
    for (const listener of [...this.listeners]) listener(value);
  }

  /** Calls `listener` on each change; returns what ends that. */
  listen(listener: (value: T) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/** The value, and a new rendering whenever it changes. */
export function useShared<T>(shared: Shared<T>): T {
  const [value, setValue] = useState(shared.value);
  useEffect(() => {
    setValue(() => shared.value);
    return shared.listen((next) => setValue(() => next));
  }, [shared]);
  return value;
}
