// How many runs of one kind are in each type of state, each a link to them.
import { StateShape } from "../../components/State";
import { count } from "../../format";
import { LABELS, STATE_TYPES, type StateType } from "../../states";

export type ByType = Partial<Record<StateType, number>>;

export function Counts({ title, path, counts }: { title: string; path: string; counts: ByType }) {
  const all = Object.values(counts).reduce((sum, x) => sum + x, 0);
  return (
    <section class="card counts">
      <h2>
        <a href={path}>
          {title} <span class="muted">{count(all)}</span>
        </a>
      </h2>
      <ul>
        {STATE_TYPES.map((type) => (
          <li class={counts[type] ? undefined : "none"}>
            <a href={`${path}?state=${type}`}>
              <StateShape type={type} />
              <span class="label">{LABELS[type]}</span>
              <span class="count">{count(counts[type] ?? 0)}</span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
