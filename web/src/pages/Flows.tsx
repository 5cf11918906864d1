// The flows that the ledger knows: what they are, what serves them, and how their runs of the last day went.
import { useState } from "preact/hooks";
import { api, type Schemas } from "../api";
import { Tags } from "../components/Facts";
import { Heading, Loaded } from "../components/Page";
import { StateShape } from "../components/State";
import { Time } from "../components/Time";
import { Wide } from "../components/Wide";
import { count, plural } from "../format";
import { useLive } from "../live";
import { setQuery, useQuery } from "../router";
import { LABELS, STATE_TYPES } from "../states";
import "./flow-run.css";

type Flow = Schemas["FlowAnswer"];

const PAGE = 50;
const SECONDS = 10;
const DAY_MS = 86_400_000;

export function Flows() {
  const query = useQuery();
  const name = query.get("name") ?? "";
  const offset = Number(query.get("from") ?? 0) || 0;
  const live = useLive(`flows ${name} ${offset}`, (signal) => pageOf(name, offset, signal), SECONDS);
  return (
    <>
      <Heading title="Flows">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            const given = String(new FormData(event.currentTarget).get("name")).trim();
            setQuery({ name: given, from: null });
          }}
        >
          <input type="search" name="name" aria-label="Part of a flow's name" placeholder="Part of a name" defaultValue={name} />{" "}
          <button type="submit">Find</button>
        </form>
      </Heading>
      <section class="card" aria-label="Flows">
        <Loaded live={live}>
          {({ flows, total }) =>
            flows.length ? <List flows={flows} total={total} offset={offset} /> : <Nothing isSearch={name !== ""} />
          }
        </Loaded>
      </section>
    </>
  );
}

async function pageOf(name: string, offset: number, signal: AbortSignal): Promise<{ flows: Flow[]; total: number }> {
  const flows = name ? { name: { like_: name } } : null;
  const [found, total] = await Promise.all([
    api.post("/flows/filter", { body: { flows, sort: "NAME_ASC", limit: PAGE, offset }, signal }),
    api.post("/flows/count", { body: { flows }, signal }),
  ]);
  return { flows: found, total };
}

function Nothing({ isSearch }: { isSearch: boolean }) {
  if (isSearch) return <p class="muted">No flow has this in its name.</p>;
  return (
    <>
      <p>There are no flows yet. A flow is known from its first run on.</p>
      <p>
        <a href="/">Now</a> shows the lines that run a first one.
      </p>
    </>
  );
}

function List({ flows, total, offset }: { flows: Flow[]; total: number; offset: number }) {
  const [open, setOpen] = useState<string | null>(null);
  return (
    <>
      <Wide label="Flows">
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Tags</th>
              <th scope="col">Known since</th>
              <th scope="col">Last day</th>
            </tr>
          </thead>
          <tbody>
            {flows.map((flow) => (
              <Row key={flow.id} flow={flow} isOpen={open === flow.id} toggle={() => setOpen(open === flow.id ? null : flow.id)} />
            ))}
          </tbody>
        </table>
      </Wide>
      {total > PAGE && <Steps total={total} offset={offset} />}
    </>
  );
}

const runsOf = (flow: Flow): string => `/flow-runs?${new URLSearchParams({ flow: flow.name })}`;

function Row({ flow, isOpen, toggle }: { flow: Flow; isOpen: boolean; toggle: () => void }) {
  return (
    <>
      <tr>
        <td>
          <a href={runsOf(flow)}>{flow.name}</a>
        </td>
        <td>
          <Tags tags={flow.tags} />
        </td>
        <td>
          <Time at={flow.created} />
        </td>
        <td>
          <button type="button" class="quiet" aria-expanded={isOpen} onClick={toggle} aria-label={`The last day of ${flow.name}`}>
            {isOpen ? "Hide" : "Show"}
          </button>
        </td>
      </tr>
      {isOpen && (
        <tr>
          <td colSpan={4}>
            <LastDay flow={flow} />
          </td>
        </tr>
      )}
    </>
  );
}

/** How many runs of the last day are in which state, and the deployments. Asked only of a flow that is looked at. */
function LastDay({ flow }: { flow: Flow }) {
  const live = useLive(`day of ${flow.id}`, (signal) => dayOf(flow.id, signal), SECONDS);
  return (
    <Loaded live={live}>
      {({ counts, deployments }) => (
        <>
          <p>
            {STATE_TYPES.filter((x) => counts[x]).map((type) => (
              <span class="counted">
                <StateShape type={type} /> {count(counts[type]!)} {LABELS[type].toLowerCase()}
              </span>
            ))}
            {!STATE_TYPES.some((x) => counts[x]) && <span class="muted">No run of it was expected within the last day.</span>}
          </p>
          {deployments.length > 0 && (
            <ul class="plain">
              {deployments.map((x) => (
                <li>
                  <strong>{x.name}</strong> <span class="muted">{served(x)}</span>
                </li>
              ))}
            </ul>
          )}
        </>
      )}
    </Loaded>
  );
}

function served(deployment: Schemas["DeploymentAnswer"]): string {
  const told = [`deployment, ${deployment.paused ? "paused" : (deployment.status ?? "").toLowerCase().replace("_", " ")}`];
  if (deployment.work_pool_name) told.push(`in the work pool ${deployment.work_pool_name}`);
  const active = deployment.schedules.filter((x) => x.active).length;
  if (active) told.push(plural(active, "active schedule"));
  return told.join(", ");
}

async function dayOf(id: string, signal: AbortSignal) {
  const flows = { id: { any_: [id] } };
  const since = new Date(Date.now() - DAY_MS).toISOString();
  const flow_runs = { expected_start_time: { after_: since } };
  const [counts, deployments] = await Promise.all([
    api.post("/ui/flow_runs/count", { body: { flows, flow_runs }, signal }),
    api.post("/deployments/filter", { body: { flows, limit: 20 }, signal }),
  ]);
  return { counts, deployments };
}

function Steps({ total, offset }: { total: number; offset: number }) {
  const go = (to: number): void => setQuery({ from: to > 0 ? String(to) : null }, false);
  return (
    <nav class="steps" aria-label="Pages of flows">
      <button type="button" disabled={offset <= 0} onClick={() => go(offset - PAGE)}>
        Before
      </button>
      <span class="muted">
        {count(offset + 1)} to {count(Math.min(total, offset + PAGE))} of {count(total)}
      </span>
      <button type="button" disabled={offset + PAGE >= total} onClick={() => go(offset + PAGE)}>
        After
      </button>
    </nav>
  );
}
