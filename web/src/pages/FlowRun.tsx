// One flow run: its task runs as a timeline and a table, its logs beside them, and all that is known of it.
import { useMemo, useState } from "preact/hooks";
import { api, type Schemas } from "../api";
import { Artifacts } from "../components/Artifacts";
import { DeleteRun } from "../components/DeleteRun";
import { Fact, Facts, Json, Tags } from "../components/Facts";
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
import { go, setQuery, useQuery } from "../router";
import { isTerminal } from "../states";
import { BarTable } from "../timeline/BarTable";
import { useBars } from "../timeline/bars";
import { Timeline } from "../timeline/Timeline";
import "./flow-run.css";

type Run = Schemas["FlowRunAnswer"];

const SECONDS = 3;
const SECONDS_AT_REST = 15;

export function FlowRun({ id }: { id: string }) {
  const [isOver, setOver] = useState(false);
  const live = useLive(
    `flow run ${id}`,
    async (signal) => {
      const run = await api.get("/flow_runs/{id}", { path: { id }, signal });
      setOver(isTerminal(run.state_type));
      return run;
    },
    isOver ? SECONDS_AT_REST : SECONDS,
  );
  return (
    <>
      {!live.data && <Heading title="Flow run" />}
      <Loaded live={live}>{(run) => <Whole run={run} isOver={isOver} refresh={live.refresh} />}</Loaded>
    </>
  );
}

interface WholeProps {
  run: Run;
  isOver: boolean;
  refresh: () => void;
}

function Whole({ run, isOver, refresh }: WholeProps) {
  return (
    <>
      <Heading title={run.name}>
        <State type={run.state_type} name={run.state_name} />
        <Actions run={run} isOver={isOver} refresh={refresh} />
      </Heading>
      <section class="card" aria-label="About it">
        <About run={run} />
        {run.state?.message && <p class="run-message">{run.state.message}</p>}
      </section>
      <WhyWaiting noun="flow_runs" run={run} />
      <TaskRunsAndLogs run={run} isOver={isOver} />
      <Details run={run} />
    </>
  );
}

function Actions({ run, isOver, refresh }: WholeProps) {
  const [asking, setAsking] = useState<"state" | "cancel" | "delete" | null>(null);
  const close = (): void => setAsking(null);
  return (
    <span class="run-actions">
      <button type="button" onClick={() => setAsking("state")}>
        Set state…
      </button>
      {!isOver && (
        <button type="button" onClick={() => setAsking("cancel")}>
          Cancel…
        </button>
      )}
      <button type="button" onClick={() => setAsking("delete")}>
        Delete…
      </button>
      {asking === "state" && <SetState noun="flow_runs" run={run} onDone={refresh} onClose={close} />}
      {asking === "cancel" && (
        <SetState noun="flow_runs" run={run} type="CANCELLING" title={`Cancel ${run.name}?`} label="Cancel it" onDone={refresh} onClose={close}>
          <p class="muted">Once it is cancelled, its task runs and subflows that have not ended are cancelled too.</p>
        </SetState>
      )}
      {asking === "delete" && <DeleteRun noun="flow_runs" run={run} onDone={() => go("/flow-runs")} onClose={close} />}
    </span>
  );
}

function About({ run }: { run: Run }) {
  const flow = useLive(`flow ${run.flow_id}`, (signal) => api.get("/flows/{id}", { path: { id: run.flow_id }, signal }), 0);
  const parent = useLive(`parent ${run.parent_task_run_id}`, (signal) => parentOf(run, signal), 0);
  return (
    <Facts>
      <Fact name="Flow">
        <a href={`/flow-runs?${new URLSearchParams({ flow: flow.data?.name ?? "" })}`}>{flow.data?.name ?? run.flow_id}</a>
      </Fact>
      <Fact name="Expected">{!run.start_time && run.expected_start_time && <Time at={run.expected_start_time} />}</Fact>
      <Fact name="Started">{run.start_time && <Time at={run.start_time} />}</Fact>
      <Fact name="Ended">{run.end_time && <Time at={run.end_time} />}</Fact>
      <Fact name="Ran for">{run.start_time && duration(run.estimated_run_time)}</Fact>
      <Fact name="Late by">{run.estimated_start_time_delta > 1 && duration(run.estimated_start_time_delta)}</Fact>
      <Fact name="Attempts">{run.run_count > 0 && count(run.run_count)}</Fact>
      <Fact name="Tags">{run.tags.length > 0 && <Tags tags={run.tags} />}</Fact>
      <Fact name="Work pool">{run.work_pool_name}</Fact>
      <Fact name="Work queue">{run.work_queue_name}</Fact>
      <Fact name="Subflow of">{parent.data && <a href={`/flow-runs/${parent.data.id}`}>{parent.data.name}</a>}</Fact>
      <Fact name="Created by">{run.created_by?.display_value}</Fact>
      <Fact name="Id">
        <code>{run.id}</code>
      </Fact>
    </Facts>
  );
}

/** The flow run whose task run stands for this one. */
async function parentOf(run: Run, signal: AbortSignal): Promise<Run | null> {
  if (!run.parent_task_run_id) return null;
  const task_runs = { id: { any_: [run.parent_task_run_id] } };
  return (await api.post("/flow_runs/filter", { body: { task_runs, limit: 1 }, signal }))[0] ?? null;
}

function TaskRunsAndLogs({ run, isOver }: { run: Run; isOver: boolean }) {
  const bars = useBars(run.id, isOver ? 0 : SECONDS);
  const selected = useQuery().get("bar");
  const select = (id: string | null): void => setQuery({ bar: id });
  const names = useMemo(() => new Map(bars.data?.all.map((x) => [x.id, x.name])), [bars.data]);
  return (
    <div class="beside">
      <section class="card" aria-labelledby="task-runs">
        <h2 id="task-runs">Task runs</h2>
        <Loaded live={bars}>
          {({ all, isCut }) =>
            all.length ? (
              <>
                <Timeline bars={all} isLive={!isOver} selected={selected} onSelect={select} />
                {isCut && <p class="muted">These are the first {count(all.length)}; the list of task runs has them all.</p>}
                <BarTable bars={all} selected={selected} onSelect={select} />
              </>
            ) : (
              <p class="muted">It has no task runs{isOver ? "." : " yet."}</p>
            )
          }
        </Loaded>
      </section>
      <section class="card side" aria-labelledby="logs">
        <h2 id="logs">Logs</h2>
        <Logs of={{ flowRunId: run.id }} isLive={!isOver} nameOf={(x) => names.get(x)} />
      </section>
    </div>
  );
}

function Details({ run }: { run: Run }) {
  const key = `${run.id} ${run.state_id}`;
  const states = useLive(`states ${key}`, (signal) => api.get("/flow_run_states/", { query: { flow_run_id: run.id }, signal }), 0);
  const slots = useLive(`slots ${key}`, (signal) => api.get("/flow_runs/{id}/slots", { path: { id: run.id }, signal }), 0);
  const parameters = Object.keys(run.parameters).length > 0;
  return (
    <div class="cards">
      <section class="card" aria-labelledby="states">
        <h2 id="states">States</h2>
        <Loaded live={states}>{(found) => <States states={found} />}</Loaded>
        {!!slots.data?.length && (
          <>
            <h3>Slots it holds</h3>
            <Slots slots={slots.data} />
          </>
        )}
      </section>
      <section class="card" aria-labelledby="parameters">
        <h2 id="parameters">Parameters</h2>
        {parameters ? <Json value={run.parameters} label="Parameters of the run" /> : <p class="muted">It was given none.</p>}
        {run.job_variables && Object.keys(run.job_variables).length > 0 && (
          <>
            <h3>Job variables</h3>
            <Json value={run.job_variables} label="Job variables of the run" />
          </>
        )}
      </section>
      <Artifacts of={{ flow_run_id: { any_: [run.id] } }} changed={key} />
    </div>
  );
}
