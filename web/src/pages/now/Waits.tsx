// What waits and for what, a line each.
import type { ComponentChildren } from "preact";
import { Time } from "../../components/Time";
import { count, plural } from "../../format";
import { useNames } from "../../names";
import type { ByType } from "./Counts";
import type { FullLimit, Waits as AllWaits } from "./whatWaits";

interface Props {
  waits: AllWaits;
  flowRuns: ByType;
  taskRuns: ByType;
}

export function Waits({ waits, flowRuns, taskRuns }: Props) {
  const lines = [
    ...waits.limits.map((limit) => <FullLimitLine key={limit.name} limit={limit} />),
    waits.held.length > 0 && <Held runs={waits.held} />,
    waits.paused.length > 0 && <Paused runs={waits.paused} all={flowRuns.PAUSED ?? 0} />,
    waits.late.length > 0 && <Late runs={waits.late} />,
    waits.nextFlowRun && <NextFlowRun run={waits.nextFlowRun} all={flowRuns.SCHEDULED ?? 0} />,
    waits.nextTaskRun && <NextTaskRun run={waits.nextTaskRun} all={taskRuns.SCHEDULED ?? 0} />,
  ].filter(Boolean);
  return (
    <section class="card waits">
      <h2>What waits, and for what</h2>
      {lines.length ? <ul>{lines}</ul> : <p class="muted">Nothing waits.</p>}
    </section>
  );
}

function Line({ title, children }: { title: ComponentChildren; children: ComponentChildren }) {
  return (
    <li>
      <strong>{title}</strong>
      <div>{children}</div>
    </li>
  );
}

function FullLimitLine({ limit }: { limit: FullLimit }) {
  const name = useNames("task_runs", limit.holders);
  const { tag, slots, taken, holders, waiting } = limit;
  return (
    <Line title={<>For a slot of <a href="/limits">{tag ?? limit.name}</a></>}>
      {count(taken)} of {plural(slots, "slot")} taken
      {holders.length > 0 && " by "}
      {holders.map((id, i) => (
        <>
          {i > 0 && ", "}
          <a href={`/task-runs/${id}`}>{name(id) ?? "…"}</a>
        </>
      ))}
      {taken > holders.length && holders.length > 0 && ` and ${count(taken - holders.length)} more`}
      {tag !== undefined && (
        <>
          ;{" "}
          <a href={`/task-runs?${new URLSearchParams({ tag, state: "PENDING" })}`}>{plural(waiting ?? 0, "pending task run")}</a> with this tag
        </>
      )}
    </Line>
  );
}

interface Named {
  id: string;
  name: string;
}

function Runs({ runs, all, more }: { runs: Named[]; all?: number; more: string }) {
  return (
    <>
      {runs.map((run, i) => (
        <>
          {i > 0 && ", "}
          <a href={`/flow-runs/${run.id}`}>{run.name}</a>
        </>
      ))}
      {(all === undefined || all > runs.length) && (
        <>
          {" "}
          (<a href={more}>{all === undefined ? "all" : `all ${count(all)}`}</a>)
        </>
      )}
    </>
  );
}

const Held = ({ runs }: { runs: Named[] }) => (
  <Line title="For a slot of their deployment">
    <Runs runs={runs} more="/flow-runs?state=SCHEDULED&state_name=AwaitingConcurrencySlot" />
  </Line>
);

const Paused = ({ runs, all }: { runs: Named[]; all: number }) => (
  <Line title="For somebody to resume them">
    <Runs runs={runs} all={all} more="/flow-runs?state=PAUSED" />
  </Line>
);

const Late = ({ runs }: { runs: (Named & { expected_start_time?: string | null })[] }) => (
  <Line title="For a worker, and late">
    <Runs runs={runs} more="/flow-runs?state=SCHEDULED&state_name=Late&sort=NEXT_SCHEDULED_START_TIME_ASC" />; the first was due{" "}
    <Time at={runs[0]!.expected_start_time} ago />
  </Line>
);

const NextFlowRun = ({ run, all }: { run: Named & { next_scheduled_start_time?: string | null }; all: number }) => (
  <Line title="For their time">
    <a href="/flow-runs?state=SCHEDULED&sort=NEXT_SCHEDULED_START_TIME_ASC">{plural(all, "scheduled flow run")}</a>, the next,{" "}
    <a href={`/flow-runs/${run.id}`}>{run.name}</a>, <Time at={run.next_scheduled_start_time} ago />
  </Line>
);

const NextTaskRun = ({ run, all }: { run: Named & { next_scheduled_start_time?: string | null }; all: number }) => (
  <Line title="For a retry, or a background worker">
    <a href="/task-runs?state=SCHEDULED">{plural(all, "scheduled task run")}</a>, the first,{" "}
    <a href={`/task-runs/${run.id}`}>{run.name}</a>, due <Time at={run.next_scheduled_start_time} ago />
  </Line>
);
