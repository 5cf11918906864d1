// One task run: its states with how long each took, what it depends on and what depends on it, its logs, and what can be done.
import { useState } from "preact/hooks";
import { api, type Schemas } from "../api";
import { Artifacts } from "../components/Artifacts";
import { DeleteRun } from "../components/DeleteRun";
import { Fact, Facts, Tags } from "../components/Facts";
import { Logs } from "../components/Logs";
import { Heading, Loaded } from "../components/Page";
import { SetState } from "../components/SetState";
import { Slots } from "../components/Slots";
import { State } from "../components/State";
import { States } from "../components/States";
import { Time } from "../components/Time";
import { WhyWaiting } from "../components/WhyWaiting";
import { count, duration } from "../format";
import { useLive } from "../live";
import { go } from "../router";
import { isTerminal } from "../states";
import "./flow-run.css";

type Run = Schemas["TaskRunAnswer"];

const SECONDS = 3;
const SECONDS_AT_REST = 15;

export function TaskRun({ id }: { id: string }) {
  const [isOver, setOver] = useState(false);
  const live = useLive(
    `task run ${id}`,
    async (signal) => {
      const run = await api.get("/task_runs/{id}", { path: { id }, signal });
      setOver(isTerminal(run.state_type));
      return run;
    },
    isOver ? SECONDS_AT_REST : SECONDS,
  );
  return (
    <>
      {!live.data && <Heading title="Task run" />}
      <Loaded live={live}>{(run) => <Whole run={run} isOver={isOver} refresh={live.refresh} />}</Loaded>
    </>
  );
}

function Whole({ run, isOver, refresh }: { run: Run; isOver: boolean; refresh: () => void }) {
  return (
    <>
      <Heading title={run.name}>
        <State type={run.state_type} name={run.state_name} />
        <Actions run={run} refresh={refresh} />
      </Heading>
      <section class="card" aria-label="About it">
        <About run={run} />
        {run.state?.message && <p class="run-message">{run.state.message}</p>}
      </section>
      <div class="beside">
        <div>
          <WhyWaiting noun="task_runs" run={run} />
          <History run={run} />
          <Relations run={run} />
        </div>
        <section class="card side" aria-labelledby="logs">
          <h2 id="logs">Logs</h2>
          <Logs of={{ taskRunId: run.id }} isLive={!isOver} />
        </section>
      </div>
      <Artifacts of={{ task_run_id: { any_: [run.id] } }} changed={`${run.id} ${run.state_id}`} />
    </>
  );
}

function Actions({ run, refresh }: { run: Run; refresh: () => void }) {
  const [asking, setAsking] = useState<"state" | "delete" | null>(null);
  const close = (): void => setAsking(null);
  const leave = (): void => go(run.flow_run_id ? `/flow-runs/${run.flow_run_id}` : "/task-runs");
  return (
    <span class="run-actions">
      <button type="button" onClick={() => setAsking("state")}>
        Set state…
      </button>
      <button type="button" onClick={() => setAsking("delete")}>
        Delete…
      </button>
      {asking === "state" && <SetState noun="task_runs" run={run} onDone={refresh} onClose={close} />}
      {asking === "delete" && <DeleteRun noun="task_runs" run={run} onDone={leave} onClose={close} />}
    </span>
  );
}

function About({ run }: { run: Run }) {
  const flowRunId = run.flow_run_id;
  const flowRun = useLive(
    `flow run ${flowRunId}`,
    async (signal) => (flowRunId ? api.get("/flow_runs/{id}", { path: { id: flowRunId }, signal }) : null),
    0,
  );
  return (
    <Facts>
      <Fact name="Flow run">
        {flowRunId ? (
          <a href={`/flow-runs/${flowRunId}?bar=${run.id}`}>{flowRun.data?.name ?? flowRunId}</a>
        ) : (
          <span class="muted">none: it is a background run</span>
        )}
      </Fact>
      <Fact name="Task">
        <code>{run.task_key}</code>
      </Fact>
      <Fact name="Expected">{!run.start_time && run.expected_start_time && <Time at={run.expected_start_time} />}</Fact>
      <Fact name="Started">{run.start_time && <Time at={run.start_time} />}</Fact>
      <Fact name="Ended">{run.end_time && <Time at={run.end_time} />}</Fact>
      <Fact name="Ran for">{run.start_time && duration(run.estimated_run_time)}</Fact>
      <Fact name="Attempts">{count(run.run_count)}</Fact>
      <Fact name="Retries">{retries(run)}</Fact>
      <Cache run={run} />
      <Fact name="Tags">{run.tags.length > 0 && <Tags tags={run.tags} />}</Fact>
      <Fact name="Id">
        <code>{run.id}</code>
      </Fact>
    </Facts>
  );
}

/** "2 of 3 left, after 10 s each" */
function retries({ empirical_policy: policy, run_count: attempts }: Run): string {
  const allowed = policy.retries ?? 0;
  if (!allowed) return "none";
  const left = Math.max(0, allowed - Math.max(0, attempts - 1));
  const delays = policy.retry_delay;
  const after = Array.isArray(delays) ? `, after ${delays.map((x) => duration(x)).join(", ")}` : delays ? `, after ${duration(delays)} each` : "";
  return `${count(left)} of ${count(allowed)} left${after}`;
}

function Cache({ run }: { run: Run }) {
  const details = run.state?.state_details;
  const key = details?.cache_key ?? run.cache_key;
  const until = details?.cache_expiration ?? run.cache_expiration;
  return (
    <Fact name="Cache key">
      {key && (
        <>
          <code>{key}</code>
          {run.state_name === "Cached" && " (its state was taken from the cache)"}
          {until && (
            <>
              {" "}
              until <Time at={until} />
            </>
          )}
        </>
      )}
    </Fact>
  );
}

function History({ run }: { run: Run }) {
  const key = `${run.id} ${run.state_id}`;
  const states = useLive(`states ${key}`, (signal) => api.get("/task_run_states/", { query: { task_run_id: run.id }, signal }), 0);
  const slots = useLive(`slots ${key}`, (signal) => api.get("/task_runs/{id}/slots", { path: { id: run.id }, signal }), SECONDS);
  return (
    <section class="card" aria-labelledby="states">
      <h2 id="states">States</h2>
      <Loaded live={states}>{(found) => <States states={found} />}</Loaded>
      <h3>Slots it holds</h3>
      <Loaded live={slots}>{(held) => (held.length ? <Slots slots={held} /> : <p class="muted">It holds no slot of any limit.</p>)}</Loaded>
    </section>
  );
}

function Relations({ run }: { run: Run }) {
  const ids = [...new Set(Object.values(run.task_inputs).flatMap((given) => given.flatMap((x) => ("id" in x ? [x.id] : []))))];
  const inputs = useLive(`inputs ${ids.join()}`, (signal) => named(ids, signal), 0);
  const dependents = useLive(`dependents ${run.id}`, (signal) => api.get("/task_runs/{id}/dependents", { path: { id: run.id }, signal }), 0);
  return (
    <section class="card" aria-labelledby="relations">
      <h2 id="relations">Inputs</h2>
      <Inputs inputs={run.task_inputs} runs={inputs.data ?? new Map()} />
      <h3>Depend on it</h3>
      <Loaded live={dependents}>
        {(found) =>
          found.length ? (
            <ul class="plain">
              {found.map((x) => (
                <li>
                  <State type={x.state_type} name={x.state_name} /> <a href={`/task-runs/${x.id}`}>{x.name}</a>{" "}
                  <span class="muted">as {x.inputs.join(", ")}</span>
                </li>
              ))}
            </ul>
          ) : (
            <p class="muted">No task run was given its result.</p>
          )
        }
      </Loaded>
    </section>
  );
}

/** More inputs than this are told by their ids. */
const MOST_NAMED = 200;

async function named(ids: string[], signal: AbortSignal): Promise<Map<string, Run>> {
  if (!ids.length) return new Map();
  const body = { task_runs: { id: { any_: ids.slice(0, MOST_NAMED) } } };
  return new Map((await api.post("/task_runs/filter", { body, signal })).map((x) => [x.id, x]));
}

function Inputs({ inputs, runs }: { inputs: Run["task_inputs"]; runs: Map<string, Run> }) {
  const names = Object.entries(inputs);
  if (!names.length) return <p class="muted">It was given none.</p>;
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">From</th>
        </tr>
      </thead>
      <tbody>
        {names.map(([name, given]) => (
          <tr>
            <td>{name}</td>
            <td>{given.length ? given.map((x) => <Input input={x} runs={runs} />) : <span class="muted">a value</span>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Input({ input, runs }: { input: Run["task_inputs"][string][number]; runs: Map<string, Run> }) {
  if ("name" in input) return <div>the parameter {input.name}</div>;
  if ("type" in input) return <div>a constant of type {input.type}</div>;
  const run = runs.get(input.id);
  return (
    <div>
      {run && <State type={run.state_type} name={run.state_name} />} <a href={`/task-runs/${input.id}`}>{run?.name ?? input.id}</a>
    </div>
  );
}
