// The server's settings, its version and its ledger.
import { useState } from "preact/hooks";
import { api } from "../api";
import { Fact, Facts } from "../components/Facts";
import { Heading, Loaded } from "../components/Page";
import { Wide } from "../components/Wide";
import { useLive } from "../live";

const DATABASES = { sqlite: "SQLite", postgresql: "PostgreSQL" };

export function Settings() {
  const ledger = useLive("ledger", (signal) => api.get("/admin/ledger", { signal }), 30);
  const settings = useLive("settings", (signal) => api.get("/admin/settings", { signal }), 0);
  return (
    <>
      <Heading title="Settings" />
      <section class="card" aria-labelledby="server">
        <h2 id="server">Server</h2>
        <Loaded live={ledger}>
          {(x) => (
            <Facts>
              <Fact name="Interlock">{x.version}</Fact>
              <Fact name="Database">{DATABASES[x.database]}</Fact>
              <Fact name="Size of the ledger">{bytes(x.size_bytes)}</Fact>
              <Fact name="API">
                <a href="/api/docs">/api/docs</a>
              </Fact>
            </Facts>
          )}
        </Loaded>
      </section>
      <section class="card" aria-labelledby="settings">
        <h2 id="settings">Settings</h2>
        <p class="muted">Each is set by the environment variable of its name when the server starts; secrets are hidden.</p>
        <Loaded live={settings}>{(found) => <Table settings={found} />}</Loaded>
      </section>
    </>
  );
}

function bytes(size: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(size, 1)) / 3));
  return `${(size / 1000 ** power).toPrecision(3)} ${units[power]}`;
}

function Table({ settings }: { settings: Record<string, unknown> }) {
  const [text, setText] = useState("");
  const wanted = text.trim().toLowerCase();
  const found = Object.entries(settings).filter(([name]) => name.toLowerCase().includes(wanted));
  return (
    <>
      <label>
        Part of a name
        <input type="search" value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <Wide label="Settings">
        <table>
          <thead>
            <tr>
              <th scope="col">Setting</th>
              <th scope="col">Value</th>
            </tr>
          </thead>
          <tbody>
            {found.map(([name, value]) => (
              <tr key={name}>
                <td>
                  <code>{name}</code>
                </td>
                <td>{value === null ? <span class="muted">not set</span> : <code>{String(value)}</code>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Wide>
    </>
  );
}
