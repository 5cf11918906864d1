// What runs have put down as artifacts: tables as tables, progress as a bar, all else as text.
import { api, type Body, type Schemas } from "../api";
import { useLive } from "../live";
import { Json } from "./Facts";
import { Loaded } from "./Page";
import { Time } from "./Time";
import { Wide } from "./Wide";
import "./artifacts.css";

type Artifact = Schemas["ArtifactAnswer"];
type Filter = NonNullable<NonNullable<Body<"/artifacts/filter", "post">>["artifacts"]>;

const MOST = 50;
const MOST_ROWS = 50;

/** `changed`: another text where there may be other artifacts than before. */
export function Artifacts({ of, changed }: { of: Filter; changed: string }) {
  const body = { artifacts: { ...of, type: { not_any_: ["result"] } }, sort: "UPDATED_DESC" as const, limit: MOST };
  const live = useLive(`artifacts ${changed}`, (signal) => api.post("/artifacts/filter", { body, signal }), 0);
  if (!live.error && !live.data?.length) return null;
  return (
    <section class="card" aria-labelledby="artifacts">
      <h2 id="artifacts">Artifacts</h2>
      <Loaded live={live}>
        {(found) => (
          <ul class="plain artifacts">
            {found.map((x) => (
              <li key={x.id}>
                <strong>{x.key ?? x.type ?? "Artifact"}</strong> <span class="tag">{x.type}</span>{" "}
                <span class="muted">
                  <Time at={x.created} />
                </span>
                {x.description && <p>{x.description}</p>}
                <Content artifact={x} />
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </section>
  );
}

function Content({ artifact: { type, data, key } }: { artifact: Artifact }) {
  const name = key ?? type ?? "the artifact";
  if (type === "progress" && typeof data === "number") return <Progress percent={data} name={name} />;
  const rows = type === "table" ? rowsOf(data) : null;
  if (rows) return <Table rows={rows} name={name} />;
  if (typeof data === "string") {
    return (
      <pre class="json" tabIndex={0} role="region" aria-label={`Text of ${name}`}>
        {data}
      </pre>
    );
  }
  return data === null ? null : <Json value={data} label={`Data of ${name}`} />;
}

function Progress({ percent, name }: { percent: number; name: string }) {
  return (
    <p>
      <progress max={100} value={percent} aria-label={`Progress of ${name}`} /> {Math.round(percent)} %
    </p>
  );
}

type Row = Record<string, unknown>;

/** The rows of a table as clients put them down: a list of objects, as JSON or as a text of it. */
function rowsOf(data: unknown): Row[] | null {
  try {
    const rows: unknown = typeof data === "string" ? JSON.parse(data) : data;
    const isTable = Array.isArray(rows) && rows.length > 0 && rows.every((x) => x !== null && typeof x === "object" && !Array.isArray(x));
    return isTable ? (rows as Row[]) : null;
  } catch {
    return null;
  }
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value) ?? "");

function Table({ rows, name }: { rows: Row[]; name: string }) {
  const columns = [...new Set(rows.flatMap(Object.keys))];
  return (
    <Wide label={`Table ${name}`}>
      <table>
        <thead>
          <tr>
            {columns.map((x) => (
              <th scope="col">{x}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MOST_ROWS).map((row) => (
            <tr>
              {columns.map((x) => (
                <td>{textOf(row[x])}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > MOST_ROWS && <p class="muted">… and {rows.length - MOST_ROWS} more rows.</p>}
    </Wide>
  );
}
