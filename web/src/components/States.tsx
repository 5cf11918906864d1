// The states that a run went through, each with how long it took.
import type { Schemas } from "../api";
import { duration, secondsBetween } from "../format";
import { isTerminal } from "../states";
import { Json } from "./Facts";
import { State } from "./State";
import { Time } from "./Time";
import { Wide } from "./Wide";
import "./states.css";

type StateAnswer = Schemas["StateAnswer"];

interface Stay {
  state: StateAnswer;
  /** Seconds; null for the one that it ended in. */
  seconds: number | null;
}

function stays(states: StateAnswer[]): Stay[] {
  return states.map((state, i) => {
    const next = states[i + 1];
    if (!next && isTerminal(state.type)) return { state, seconds: null };
    return { state, seconds: Math.max(0, secondsBetween(state.timestamp, next?.timestamp)) };
  });
}

export function States({ states }: { states: StateAnswer[] }) {
  const all = stays(states);
  const longest = Math.max(...all.map((x) => x.seconds ?? 0), 1e-9);
  return (
    <Wide label="States">
      <table class="states">
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Since</th>
            <th scope="col">For</th>
            <th scope="col">Message</th>
          </tr>
        </thead>
        <tbody>
          {all.map(({ state, seconds }) => (
            <tr key={state.id}>
              <td>
                <State type={state.type} name={state.name} />
              </td>
              <td>
                <Time at={state.timestamp} />
              </td>
              <td>{seconds !== null && <Stayed seconds={seconds} share={seconds / longest} type={state.type} />}</td>
              <td class="message">
                {state.message}
                {state.state_details.scheduled_time && (
                  <div class="muted">
                    for <Time at={state.state_details.scheduled_time} />
                  </div>
                )}
                {state.data !== null && (
                  <details>
                    <summary>Data</summary>
                    <Json value={state.data} label={`Data of ${state.name}`} />
                  </details>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

function Stayed({ seconds, share, type }: { seconds: number; share: number; type: StateAnswer["type"] }) {
  return (
    <span class={`stayed state-${type.toLowerCase()}`}>
      <span class="length" style={{ width: `${Math.max(2, share * 90)}px` }} aria-hidden="true" />
      {duration(seconds)}
    </span>
  );
}
