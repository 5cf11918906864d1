// The history of one kind of run: bars stacked by state, a span of which leads to its runs; and the same as a table.
import { BarChart, type Bar } from "../../components/BarChart";
import { State } from "../../components/State";
import { count, fullTime, time } from "../../format";
import { useLive } from "../../live";
import { Loaded } from "../../components/Page";
import { go } from "../../router";
import { STATE_TYPES } from "../../states";
import { api, type Schemas } from "../../api";
import { type Range, span } from "./ranges";

interface Kind {
  title: string;
  path: "/task-runs" | "/flow-runs";
  route: "/task_runs/history" | "/flow_runs/history";
}

export const HISTORIES: Kind[] = [
  { title: "Flow runs", path: "/flow-runs", route: "/flow_runs/history" },
  { title: "Task runs", path: "/task-runs", route: "/task_runs/history" },
];

export function History({ kind, range }: { kind: Kind; range: Range }) {
  const ask = async (signal: AbortSignal): Promise<Bar[]> => {
    const { start, end } = span(range);
    const body = { history_start: start, history_end: end, history_interval_seconds: String(range.seconds) };
    return (await api.post(kind.route, { body, signal })).map(bar);
  };
  const live = useLive(`${kind.route} ${range.label}`, ask, range.every);
  const choose = (start: number, end: number): void =>
    go(`${kind.path}?${new URLSearchParams({ after: iso(start), before: iso(end - 1) })}`);
  return (
    <section class="card history">
      <h2>{kind.title}, by when they were due</h2>
      <Loaded live={live}>
        {(bars) => (
          <>
            <BarChart bars={bars} width={range.seconds * 1000} onChoose={choose} label={`History of ${kind.title.toLowerCase()}`} />
            <AsTable kind={kind} bars={bars} width={range.seconds * 1000} />
          </>
        )}
      </Loaded>
    </section>
  );
}

const iso = (time: number): string => new Date(time).toISOString();

/** States of one type count together, whatever they call themselves. */
function bar(interval: Schemas["HistoryAnswer"]): Bar {
  const counts: Bar["counts"] = {};
  for (const { state_type: type, count_runs: runs } of interval.states) counts[type] = (counts[type] ?? 0) + runs;
  return { start: Date.parse(interval.interval_start), counts };
}

function AsTable({ kind, bars, width }: { kind: Kind; bars: Bar[]; width: number }) {
  const types = STATE_TYPES.filter((type) => bars.some((x) => x.counts[type]));
  const filled = bars.filter((x) => Object.keys(x.counts).length).reverse();
  return (
    <details>
      <summary>As a table</summary>
      <div class="scroll-x" tabIndex={0} role="region" aria-label={`${kind.title} as a table`}>
        <table>
          <thead>
            <tr>
              <th scope="col">From</th>
              {types.map((type) => (
                <th scope="col" class="number">
                  <State type={type} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {filled.map((x) => (
              <tr key={x.start}>
                <th scope="row">
                  <a href={`${kind.path}?${new URLSearchParams({ after: iso(x.start), before: iso(x.start + width - 1) })}`} title={fullTime(iso(x.start))}>
                    {time(iso(x.start))}
                  </a>
                </th>
                {types.map((type) => (
                  <td class="number">{x.counts[type] ? count(x.counts[type]) : ""}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
