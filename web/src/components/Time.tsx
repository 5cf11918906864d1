// A moment: its clock time or how long ago it was, with the whole of it on hovering.
import { fullTime, relative, time } from "../format";

export function Time({ at, ago = false }: { at: string | null | undefined; ago?: boolean }) {
  if (!at) return <span class="muted">–</span>;
  return (
    <time dateTime={at} title={fullTime(at)}>
      {ago ? relative(at) : time(at)}
    </time>
  );
}
