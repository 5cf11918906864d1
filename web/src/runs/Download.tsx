// The download of all runs that the filters ask for, not only those that are loaded.
import { useRef, useState } from "preact/hooks";
import { Dialog } from "../components/Dialog";
import { Menu } from "../components/Menu";
import { download } from "../download";
import type { Kind, Run } from "./kinds";

const FORMATS = { csv: "CSV, for spreadsheets", ndjson: "JSON, a line a run", parquet: "Parquet" };

export function Download({ kind, asked }: { kind: Kind<Run>; asked: object }) {
  const [bytes, setBytes] = useState<number>();
  const [error, setError] = useState<string>();
  const aborter = useRef<AbortController>();
  const start = async (format: string): Promise<void> => {
    aborter.current = new AbortController();
    setBytes(0);
    const name = `${kind.path.slice(1)}.${format}`;
    try {
      await download(kind.exportPath, { ...asked, format }, name, setBytes, aborter.current.signal);
    } catch (problem) {
      if (!aborter.current.signal.aborted) setError(problem instanceof Error ? problem.message : String(problem));
    }
    setBytes(undefined);
  };
  return (
    <>
      <Menu label="Download" isAtEnd>
        <p class="muted">All {kind.one}s that the filters ask for.</p>
        {Object.entries(FORMATS).map(([format, label]) => (
          <button type="button" onClick={() => void start(format)}>
            {label}
          </button>
        ))}
      </Menu>
      {bytes !== undefined && (
        <Dialog title="Download" onClose={() => aborter.current?.abort()}>
          <p role="status">{(bytes / 1e6).toFixed(1)} MB have come.</p>
          <div class="actions">
            <button type="button" onClick={() => aborter.current?.abort()}>
              Stop
            </button>
          </div>
        </Dialog>
      )}
      {error && (
        <Dialog title="The download has failed" onClose={() => setError(undefined)}>
          <p class="error">{error}</p>
          <div class="actions">
            <button type="button" onClick={() => setError(undefined)}>
              Close
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}
