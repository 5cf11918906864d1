// The queues that hold runs: those of work pools, for flow runs, and those of tasks, for background runs.
import { api } from "../../api";
import { Loaded } from "../../components/Page";
import { count, duration } from "../../format";
import { useLive } from "../../live";

const EVERY = 5;

interface Row {
  key: string;
  name: string;
  of: string;
  due: number;
  delayed: number;
  busy: number;
  oldest: number | null;
  served: string;
  isServed: boolean;
}

async function read(signal: AbortSignal): Promise<Row[]> {
  const [work, task] = await Promise.all([
    api.get("/flow_runs/queues", { signal }),
    api.get("/task_runs/queues", { signal }),
  ]);
  return [
    ...work.map((x) => ({
      key: x.id,
      name: x.name,
      of: `flow runs of ${x.work_pool_name}`,
      due: x.due,
      delayed: x.delayed,
      busy: x.busy,
      oldest: x.oldest_age,
      isServed: x.status === "READY" && !x.is_paused,
      served: x.is_paused ? "paused" : x.status === "READY" ? "yes" : "nobody asks",
    })),
    ...task.map((x) => ({
      key: `task ${x.task_key}`,
      name: x.task_key,
      of: "background task runs",
      due: x.depth - x.delayed,
      delayed: x.delayed,
      busy: x.leased,
      oldest: x.oldest_age,
      isServed: x.workers > 0,
      served: x.workers ? `${count(x.workers)} connected` : "no worker",
    })),
  ];
}

export function Backlogs() {
  const live = useLive("backlogs", read, EVERY);
  return (
    <section class="card">
      <h2>
        <a href="/queues">Queues</a>
      </h2>
      <Loaded live={live}>{(rows) => (rows.length ? <Table rows={rows} /> : <p class="muted">No queue holds a run.</p>)}</Loaded>
    </section>
  );
}

function Table({ rows }: { rows: Row[] }) {
  return (
    <div class="scroll-x" tabIndex={0} role="region" aria-label="Queues">
      <table>
        <thead>
          <tr>
            <th scope="col">Queue</th>
            <th scope="col" class="number">Waiting</th>
            <th scope="col" class="number">Oldest</th>
            <th scope="col" class="number">Later</th>
            <th scope="col" class="number">Taken</th>
            <th scope="col">Workers</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((x) => (
            <tr key={x.key}>
              <th scope="row">
                {x.name} <span class="muted">{x.of}</span>
              </th>
              <td class="number">{count(x.due)}</td>
              <td class="number">{duration(x.oldest)}</td>
              <td class="number">{count(x.delayed)}</td>
              <td class="number">{count(x.busy)}</td>
              <td class={x.due && !x.isServed ? "warn" : undefined}>{x.served}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
