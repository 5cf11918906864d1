// Whether the window is as narrow as a phone's: as in the style sheets.
import { useEffect, useState } from "preact/hooks";

const NARROW = matchMedia("(max-width: 760px)");

export function useIsNarrow(): boolean {
  const [isNarrow, setNarrow] = useState(NARROW.matches);
  useEffect(() => {
    const changed = (): void => setNarrow(NARROW.matches);
    NARROW.addEventListener("change", changed);
    return () => NARROW.removeEventListener("change", changed);
  }, []);
  return isNarrow;
}
