// A list of runs: filters, how many there are, the table, the choice of columns, and the download of what is asked for.
import { useMemo, useState } from "preact/hooks";
import { FirstSteps } from "../components/FirstSteps";
import { Menu } from "../components/Menu";
import { Heading } from "../components/Page";
import { plural } from "../format";
import { useLive } from "../live";
import { useNames } from "../names";
import { useIsNarrow } from "../narrow";
import { setQuery, useQuery } from "../router";
import { chosenColumns, type Columns } from "./columns";
import { Download } from "./Download";
import { FilterBar } from "./FilterBar";
import { type Filters, isFiltered, readFilters } from "./filters";
import { FIRST_SORT, type Kind, type Run } from "./kinds";
import type { Paged } from "./paged";
import { MOST_ROWS, RunTable } from "./RunTable";
import "./runs.css";
import { useRuns } from "./useRuns";

const COUNT_SECONDS = 15;

export function RunList<R extends Run>({ kind, columns }: { kind: Kind<R>; columns: Columns<R> }) {
  const query = useQuery();
  const text = query.toString();
  const filters = useMemo(() => readFilters(query), [text]);
  const asked = useMemo(() => kind.ask(filters), [filters]);
  const sort = query.get("sort") ?? "";
  const order = sort in kind.sorts ? sort : FIRST_SORT;
  const runs = useRuns(kind, asked, order);
  const key = `interlock.columns${kind.path}`;
  const chosen = chosenColumns(columns as Columns<never>, query.get("columns"), key);
  const names = useRowNames(runs.paged, chosen);
  const filtered = isFiltered(query);
  const isNarrow = useIsNarrow();
  const [isUnfolded, setUnfolded] = useState(false);
  return (
    <div class="fill">
      <Heading title={kind.title}>
        <Total kind={kind} asked={asked} filters={filters} shown={runs.paged.length} isAll={runs.paged.isComplete} />
        <span class="spring" />
        <Order kind={kind} value={order} />
        <ColumnChoice columns={columns} chosen={chosen} storageKey={key} />
        <Download kind={kind} asked={asked} />
        {isNarrow && (
          <button type="button" class={filtered ? "set" : undefined} aria-expanded={isUnfolded} onClick={() => setUnfolded(!isUnfolded)}>
            Filters
          </button>
        )}
      </Heading>
      {(!isNarrow || isUnfolded) && <FilterBar filters={filters} isFiltered={filtered} />}
      {runs.error && (
        <p class="error" role="alert">
          {runs.error.message}
        </p>
      )}
      {runs.paged.isBegun && runs.paged.length === 0 ? (
        <Nothing one={kind.one} isFiltered={filtered} />
      ) : (
        <RunTable
          label={kind.title}
          path={kind.path}
          paged={runs.paged}
          columns={columns}
          chosen={chosen}
          names={names}
          sort={order}
          onSort={(next) => setQuery({ sort: next })}
          onShow={runs.show}
        />
      )}
      {runs.paged.length > MOST_ROWS && <p class="muted">To see more, choose a span of time.</p>}
    </div>
  );
}

/** The names that the rows in memory refer to, where a column shows them. */
function useRowNames<R extends Run>(paged: Paged<R>, chosen: string[]) {
  const rows = paged.kept();
  const ids = (name: string): (string | null)[] =>
    rows.map((x) => (name in x ? (x as unknown as Record<string, string | null>)[name]! : null));
  return {
    flow: useNames("flows", chosen.includes("flow") ? ids("flow_id") : []),
    flowRun: useNames("flow_runs", chosen.includes("flow_run") ? ids("flow_run_id") : []),
  };
}

interface TotalProps {
  kind: Kind<Run>;
  asked: object;
  filters: Filters;
  shown: number;
  isAll: boolean;
}

/** How many runs there are. Where counting would take long, only how many have been looked at. */
function Total({ kind, asked, filters, shown, isAll }: TotalProps) {
  const isCheap = canBeCounted(filters);
  const key = JSON.stringify([kind.path, asked, isCheap]);
  const counted = useLive(key, (signal) => (isCheap ? kind.count(asked, signal) : Promise.resolve(null)), COUNT_SECONDS);
  const number = isAll ? shown : counted.data;
  return (
    <span class="muted" role="status">
      {number === undefined || number === null ? shown > 0 && `more than ${plural(shown, kind.one)}` : plural(number, kind.one)}
    </span>
  );
}

/** Sums and indexes tell of one thing at a time: counting by several, or by a part of a name, means to go through the runs. */
function canBeCounted({ states, stateName, name, tags, flow, last, after, before }: Filters): boolean {
  const asked = [states.length > 0, tags.length > 0, Boolean(last || after || before)].filter(Boolean);
  return asked.length <= 1 && tags.length <= 1 && !name && !flow && !stateName;
}

function Order({ kind, value }: { kind: Kind<Run>; value: string }) {
  return (
    <select aria-label="Order" value={value} onChange={(event) => setQuery({ sort: event.currentTarget.value })}>
      {Object.entries(kind.sorts).map(([name, label]) => (
        <option value={name}>{label}</option>
      ))}
    </select>
  );
}

interface ColumnChoiceProps<R> {
  columns: Columns<R>;
  chosen: string[];
  storageKey: string;
}

function ColumnChoice<R>({ columns, chosen, storageKey }: ColumnChoiceProps<R>) {
  const toggle = (name: string, isShown: boolean): void => {
    const next = Object.keys(columns).filter((x) => (x === name ? isShown : chosen.includes(x)));
    if (!next.length) return;
    localStorage.setItem(storageKey, next.join());
    setQuery({ columns: next.join() });
  };
  return (
    <Menu label="Columns" isAtEnd>
      {Object.entries(columns).map(([name, { title }]) => (
        <label class="inline">
          <input
            type="checkbox"
            checked={chosen.includes(name)}
            disabled={chosen.length === 1 && chosen[0] === name}
            onChange={(event) => toggle(name, event.currentTarget.checked)}
          />
          {title}
        </label>
      ))}
    </Menu>
  );
}

function Nothing({ one, isFiltered }: { one: string; isFiltered: boolean }) {
  if (!isFiltered) return <FirstSteps what={one} />;
  return <p class="muted nothing">No {one} is like that.</p>;
}
