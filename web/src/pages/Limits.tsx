// The concurrency limits, who holds their slots, and what can be done about them.
import { useState } from "preact/hooks";
import { api, type Schemas } from "../api";
import { Heading, Loaded } from "../components/Page";
import { Wide } from "../components/Wide";
import { count, plural } from "../format";
import { Holders } from "../limits/Holders";
import { LimitDialog, type Asked } from "../limits/dialogs";
import { nameOf, tagOf } from "../limits/names";
import { useLive } from "../live";
import { setQuery, useQuery } from "../router";
import "../limits/limits.css";

type Limit = Schemas["GlobalLimitAnswer"];

const SECONDS = 3;
const PAGE = 200;
const MOST_PAGES = 10;

export function Limits() {
  const live = useLive("limits", all, SECONDS);
  const [asked, setAsked] = useState<Asked | null>(null);
  return (
    <>
      <Heading title="Limits">
        <button type="button" class="primary" onClick={() => setAsked({ what: "create" })}>
          New limit…
        </button>
      </Heading>
      <section class="card" aria-label="Limits">
        <Loaded live={live}>
          {({ limits, deployments }) =>
            limits.length ? (
              <Table limits={limits} deployments={deployments} ask={setAsked} />
            ) : (
              <p>
                There are no limits. A limit of a tag says how many task runs with it may run at once; one by name is taken in code, by{" "}
                <code>concurrency("name")</code> or <code>rate_limit("name")</code>.
              </p>
            )
          }
        </Loaded>
      </section>
      {asked && <LimitDialog asked={asked} onDone={live.refresh} onClose={() => setAsked(null)} />}
    </>
  );
}

interface Found {
  limits: Limit[];
  /** Names of deployments by their ids. */
  deployments: Map<string, string>;
}

async function all(signal: AbortSignal): Promise<Found> {
  const limits: Limit[] = [];
  for (let page = 0; page < MOST_PAGES; page++) {
    const found = await api.post("/v2/concurrency_limits/filter", { body: { limit: PAGE, offset: page * PAGE }, signal });
    limits.push(...found);
    if (found.length < PAGE) break;
  }
  const ids = limits.flatMap((x) => (x.name.startsWith("deployment:") ? [x.name.slice("deployment:".length)] : []));
  if (!ids.length) return { limits, deployments: new Map() };
  const found = await api.post("/deployments/filter", { body: { deployments: { id: { any_: ids.slice(0, PAGE) } } }, signal });
  return { limits, deployments: new Map(found.map((x) => [x.id, x.name])) };
}

interface TableProps extends Found {
  ask: (asked: Asked) => void;
}

function Table({ limits, deployments, ask }: TableProps) {
  const open = useQuery().get("limit");
  return (
    <Wide label="Limits">
      <table class="limits">
        <thead>
          <tr>
            <th scope="col">Limit</th>
            <th scope="col">Slots taken</th>
            <th scope="col">Decay</th>
          </tr>
        </thead>
        <tbody>
          {limits.map((limit) => (
            <Row key={limit.id} limit={limit} deployments={deployments} isOpen={open === limit.name} ask={ask} />
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

function Row({ limit, deployments, isOpen, ask }: { limit: Limit; isOpen: boolean } & Omit<TableProps, "limits">) {
  const name = nameOf(limit.name, deployments);
  return (
    <>
      <tr>
        <td>
          <button
            type="button"
            class="quiet opener"
            aria-expanded={isOpen}
            title="Who holds the slots, and what can be done"
            onClick={() => setQuery({ limit: isOpen ? null : limit.name })}
          >
            <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span> <strong>{name}</strong>
          </button>{" "}
          {!limit.active && <span class="tag">not active</span>}
          {tagOf(limit.name) === null ? null : <span class="tag">tag</span>}
        </td>
        <td>
          <Taken limit={limit} name={name} />
        </td>
        <td>{limit.slot_decay_per_second > 0 ? `${plural(limit.slot_decay_per_second, "slot")} a second` : <span class="muted">–</span>}</td>
      </tr>
      {isOpen && (
        <tr>
          <td colSpan={3} class="opened">
            <Holders limit={limit} />
            <button type="button" onClick={() => ask({ what: "change", limit })}>
              Change…
            </button>
            <button type="button" onClick={() => ask({ what: "reset", limit })}>
              Reset…
            </button>
            <button type="button" onClick={() => ask({ what: "delete", limit })}>
              Delete…
            </button>
          </td>
        </tr>
      )}
    </>
  );
}

function Taken({ limit, name }: { limit: Limit; name: string }) {
  const taken = Math.floor(limit.active_slots);
  return (
    <span class="taken">
      <meter min={0} max={Math.max(limit.limit, 1)} value={Math.min(taken, limit.limit)} aria-label={`Slots of ${name} taken`} />
      {count(taken)} of {count(limit.limit)}
      {taken >= limit.limit && limit.active && <strong> full</strong>}
    </span>
  );
}
