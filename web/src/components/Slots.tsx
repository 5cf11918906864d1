// The slots of concurrency limits that a run holds.
import type { Schemas } from "../api";
import { count } from "../format";
import { Time } from "./Time";

export function Slots({ slots }: { slots: Schemas["HeldSlotsAnswer"][] }) {
  return (
    <ul class="plain">
      {slots.map((x) => (
        <li>
          <a href={`/limits?limit=${encodeURIComponent(x.limit.name)}`}>{x.limit.name}</a>: {count(x.slots)} of {count(x.limit.limit)}
          {x.lease_id && <span class="muted"> by a lease</span>}
          {x.expiration && (
            <span class="muted">
              {" "}
              until <Time at={x.expiration} />
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}
