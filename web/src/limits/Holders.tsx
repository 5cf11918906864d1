// Who holds the slots of a limit: task runs by their state, whoever has a lease, and who took them by name.
import { api, type Schemas } from "../api";
import { Loaded } from "../components/Page";
import { State } from "../components/State";
import { Time } from "../components/Time";
import { count, plural } from "../format";
import { useLive } from "../live";
import { tagOf } from "./names";

type Limit = Schemas["GlobalLimitAnswer"];
type Lease = Schemas["ActiveLeaseAnswer"];
type Run = Schemas["TaskRunAnswer"] | Schemas["FlowRunAnswer"];

interface Holder {
  key: string;
  slots: number;
  /** Null where a lease names nobody, or a run that is not known here. */
  run: Run | null;
  kind: "task run" | "flow run" | "deployment" | null;
  id: string | null;
  lease: Lease | null;
}

const MOST = 200;
const SECONDS = 3;

export function Holders({ limit }: { limit: Limit }) {
  const live = useLive(`holders ${limit.id}`, (signal) => holdersOf(limit, signal), SECONDS);
  return (
    <Loaded live={live}>
      {(holders) => {
        const told = holders.reduce((sum, x) => sum + x.slots, 0);
        const others = Math.floor(limit.active_slots) - told;
        return (
          <>
            {holders.length > 0 && <List holders={holders} />}
            {others > 0 && <p class="muted">{plural(others, "slot")} taken by name, by nobody who is known.</p>}
            {!holders.length && others <= 0 && <p class="muted">Nobody holds a slot of it.</p>}
          </>
        );
      }}
    </Loaded>
  );
}

async function holdersOf(limit: Limit, signal: AbortSignal): Promise<Holder[]> {
  const tag = tagOf(limit.name);
  const [byState, leases] = await Promise.all([
    tag === null ? [] : api.get("/concurrency_limits/tag/{tag}", { path: { tag }, signal }).then((x) => x.active_slots),
    api.post("/v2/concurrency_limits/{id_or_name}/leases", { path: { id_or_name: limit.id }, body: { limit: MOST }, signal }),
  ]);
  const leased = new Set(leases.map((x) => x.holder?.id));
  const alone = byState.filter((x) => !leased.has(x)).slice(0, MOST);
  const runs = await runsOf([...alone, ...idsOf(leases, "task_run")], idsOf(leases, "flow_run"), signal);
  return [
    ...alone.map((id): Holder => ({ key: id, slots: 1, run: runs.get(id) ?? null, kind: "task run", id, lease: null })),
    ...leases.map((lease): Holder => {
      const { holder } = lease;
      const kind = (holder?.type.replace("_", " ") as Holder["kind"]) ?? null;
      const run = holder ? (runs.get(holder.id) ?? null) : null;
      return { key: lease.lease_id, slots: lease.slots, run, kind, id: holder?.id ?? null, lease };
    }),
  ];
}

const idsOf = (leases: Lease[], type: string): string[] => leases.flatMap((x) => (x.holder?.type === type ? [x.holder.id] : []));

async function runsOf(taskRuns: string[], flowRuns: string[], signal: AbortSignal): Promise<Map<string, Run>> {
  const of = (ids: string[]) => ({ id: { any_: ids.slice(0, MOST) } });
  const [tasks, flows] = await Promise.all([
    taskRuns.length ? api.post("/task_runs/filter", { body: { task_runs: of(taskRuns) }, signal }) : [],
    flowRuns.length ? api.post("/flow_runs/filter", { body: { flow_runs: of(flowRuns) }, signal }) : [],
  ]);
  return new Map([...tasks, ...flows].map((x): [string, Run] => [x.id, x]));
}

function List({ holders }: { holders: Holder[] }) {
  return (
    <ul class="plain holders" aria-label="Holders">
      {holders.map((x) => (
        <li key={x.key}>
          <Who holder={x} /> <span>{plural(x.slots, "slot")}</span>{" "}
          <span class="muted">
            {x.lease ? (
              <>
                by a lease since <Time at={x.lease.created} />
                {x.lease.expiration ? (
                  <>
                    , until <Time at={x.lease.expiration} /> unless renewed
                  </>
                ) : (
                  ", as long as it runs"
                )}
              </>
            ) : (
              "by its state"
            )}
          </span>
        </li>
      ))}
      {holders.length >= MOST && <li class="muted">These are the first {count(MOST)}.</li>}
    </ul>
  );
}

function Who({ holder: { run, kind, id } }: { holder: Holder }) {
  if (!id) return <span class="muted">somebody who did not say who it is</span>;
  if (!run) return <code>{`${kind} ${id}`}</code>;
  return (
    <>
      <State type={run.state_type} name={run.state_name} /> <a href={`/${kind === "flow run" ? "flow-runs" : "task-runs"}/${id}`}>{run.name}</a>
    </>
  );
}
