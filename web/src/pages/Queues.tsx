// The queues: background runs that wait for task workers, and work pools with their queues and workers.
import { api, type Schemas } from "../api";
import { Heading, Loaded } from "../components/Page";
import { Time } from "../components/Time";
import { Wide } from "../components/Wide";
import { count, duration, plural } from "../format";
import { useLive } from "../live";
import "../limits/limits.css";
import "./flow-run.css";

type TaskQueue = Schemas["TaskQueueAnswer"];
type TaskWorker = Schemas["TaskWorkerAnswer"];
type Pool = Schemas["WorkPoolAnswer"];
type Queue = Schemas["WorkQueueAnswer"];
type Worker = Schemas["WorkerAnswer"];
type Backlog = Schemas["WorkBacklogAnswer"];

const SECONDS = 3;
const MOST_POOLS = 50;

export function Queues() {
  const background = useLive("task queues", backgroundQueues, SECONDS);
  const pools = useLive("work pools", workPools, SECONDS);
  return (
    <>
      <Heading title="Queues" />
      <section class="card" aria-labelledby="background">
        <h2 id="background">Background tasks</h2>
        <Loaded live={background}>
          {({ queues, workers }) => (
            <>
              <TaskQueues queues={queues} />
              {workers.length > 0 && <TaskWorkers workers={workers} />}
            </>
          )}
        </Loaded>
      </section>
      <Loaded live={pools}>
        {(found) => (found.length ? found.map((x) => <WorkPool key={x.pool.id} {...x} />) : <NoPools />)}
      </Loaded>
    </>
  );
}

async function backgroundQueues(signal: AbortSignal): Promise<{ queues: TaskQueue[]; workers: TaskWorker[] }> {
  const [queues, workers] = await Promise.all([api.get("/task_runs/queues", { signal }), api.post("/task_workers/filter", { body: {}, signal })]);
  return { queues, workers };
}

function TaskQueues({ queues }: { queues: TaskQueue[] }) {
  if (!queues.length) {
    return (
      <p class="muted">
        No task waits for a worker, and no worker is connected. <code>task.delay()</code> (3.x) or <code>task.submit()</code> outside of a flow (2.x) puts
        runs here, and <code>serve(task)</code> takes them.
      </p>
    );
  }
  return (
    <Wide label="Background tasks">
      <table>
        <thead>
          <tr>
            <th scope="col">Task</th>
            <th scope="col" class="number">Waiting</th>
            <th scope="col" class="number">For later</th>
            <th scope="col" class="number">Delivered</th>
            <th scope="col" class="number">Oldest</th>
            <th scope="col" class="number">A second</th>
            <th scope="col" class="number">Workers</th>
          </tr>
        </thead>
        <tbody>
          {queues.map((x) => (
            <tr key={x.task_key}>
              <td>
                <code>{x.task_key}</code>
              </td>
              <td class="number">{count(x.depth)}</td>
              <td class="number">{count(x.delayed)}</td>
              <td class="number">{count(x.leased)}</td>
              <td class="number">{duration(x.oldest_age)}</td>
              <td class="number">{x.delivery_rate.toFixed(1)}</td>
              <td class="number">{x.workers || <strong class={x.depth ? "error" : ""}>none</strong>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

function TaskWorkers({ workers }: { workers: TaskWorker[] }) {
  return (
    <>
      <h3>Task workers</h3>
      <ul class="plain">
        {workers.map((x) => (
          <li key={x.identifier}>
            <code>{x.identifier}</code>{" "}
            <span class="muted">
              serves {x.task_keys.join(", ")} since <Time at={x.timestamp} />
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

interface Whole {
  pool: Pool;
  queues: Queue[];
  workers: Worker[];
  /** What waits in the queues that anything waits in, by their ids. */
  backlogs: Map<string, Backlog>;
}

async function workPools(signal: AbortSignal): Promise<Whole[]> {
  const [pools, waiting] = await Promise.all([
    api.post("/work_pools/filter", { body: { limit: MOST_POOLS }, signal }),
    api.get("/flow_runs/queues", { signal }),
  ]);
  const backlogs = new Map(waiting.map((x) => [x.id, x]));
  return Promise.all(
    pools.map(async (pool) => {
      const options = { path: { work_pool_name: pool.name }, body: {}, signal };
      const [queues, workers] = await Promise.all([
        api.post("/work_pools/{work_pool_name}/queues/filter", options),
        api.post("/work_pools/{work_pool_name}/workers/filter", options),
      ]);
      return { pool, queues, workers, backlogs };
    }),
  );
}

function NoPools() {
  return (
    <section class="card" aria-labelledby="pools">
      <h2 id="pools">Work pools</h2>
      <p class="muted">
        There are none. <code>prefect work-pool create NAME --type process</code> makes one, for deployments that workers run.
      </p>
    </section>
  );
}

const statusText = (status: string | null | undefined): string => (status ?? "").toLowerCase().replace("_", " ");

function Status({ status, isPaused }: { status: string | null | undefined; isPaused: boolean }) {
  const text = isPaused ? "paused" : statusText(status);
  if (!text) return null;
  return <span class={`tag status-${text.replace(" ", "-")}`}>{text}</span>;
}

function WorkPool({ pool, queues, workers, backlogs }: Whole) {
  const id = `pool-${pool.id}`;
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id}>
        Work pool {pool.name} <Status status={pool.status} isPaused={pool.is_paused} />
      </h2>
      <p class="muted">
        {pool.type}
        {pool.concurrency_limit !== null && `, ${count(pool.active_slots ?? 0)} of ${plural(pool.concurrency_limit, "slot")} taken`}
        {pool.description && `. ${pool.description}`}
      </p>
      <QueueTable queues={queues} pool={pool.name} backlogs={backlogs} />
      <Workers workers={workers} />
    </section>
  );
}

function QueueTable({ queues, pool, backlogs }: { queues: Queue[]; pool: string; backlogs: Whole["backlogs"] }) {
  return (
    <Wide label={`Queues of ${pool}`}>
      <table aria-label={`Queues of ${pool}`}>
        <thead>
          <tr>
            <th scope="col">Queue</th>
            <th scope="col">Status</th>
            <th scope="col" class="number">Waiting</th>
            <th scope="col" class="number">Oldest</th>
            <th scope="col" class="number">For later</th>
            <th scope="col" class="number">Under way</th>
            <th scope="col" class="number">Slots taken</th>
            <th scope="col" class="number">Priority</th>
            <th scope="col">Last asked for</th>
          </tr>
        </thead>
        <tbody>
          {queues.map((x) => (
            <tr key={x.id}>
              <td>{x.name}</td>
              <td>
                <Status status={x.status} isPaused={x.is_paused} />
              </td>
              <Backlogged backlog={backlogs.get(x.id)} />
              <td class="number">{x.concurrency_limit === null ? "no limit" : `${count(x.active_slots ?? 0)} of ${count(x.concurrency_limit)}`}</td>
              <td class="number">{x.priority}</td>
              <td>{x.last_polled ? <Time at={x.last_polled} ago /> : <span class="muted">never</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

function Backlogged({ backlog }: { backlog: Backlog | undefined }) {
  return (
    <>
      <td class="number">{count(backlog?.due ?? 0)}</td>
      <td class="number">{duration(backlog?.oldest_age)}</td>
      <td class="number">{count(backlog?.delayed ?? 0)}</td>
      <td class="number">{count(backlog?.busy ?? 0)}</td>
    </>
  );
}

function Workers({ workers }: { workers: Worker[] }) {
  if (!workers.length) return <p class="muted">No worker serves it.</p>;
  return (
    <>
      <h3>Workers</h3>
      <ul class="plain">
        {workers.map((x) => (
          <li key={x.id}>
            {x.name} <Status status={x.status} isPaused={false} />{" "}
            <span class="muted">
              last heard of <Time at={x.last_heartbeat_time} ago />
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}
