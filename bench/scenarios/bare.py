"""The limits of the layers below: the same HTTP stack without a ledger, and a batched SQLite ledger without HTTP."""

import json
import sqlite3
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.bodies import STATE_DETAILS
from bench.context import Bench
from bench.load import measure
from bench.load import run as run_load
from bench.report import Row, Section
from bench.servers import VENV, Launch, Server, Storage

LAYERS = {
    "trivial": "load generator against a trivial asyncio server",
    "raw": "uvicorn, raw ASGI",
    "starlette": "uvicorn, Starlette, pydantic bodies",
    "fastapi": "uvicorn, FastAPI, pydantic bodies",
}
BATCHES = (1, 10, 50)
CONNECTIONS = 50

SCHEMA = """
CREATE TABLE task_run (id TEXT PRIMARY KEY, name TEXT, state_id TEXT, state_type TEXT, state_timestamp TEXT,
                       run_count INTEGER, start_time TEXT) WITHOUT ROWID;
CREATE TABLE task_run_state (id TEXT PRIMARY KEY, task_run_id TEXT, type TEXT, name TEXT, timestamp TEXT,
                             state_details TEXT, data TEXT) WITHOUT ROWID;
CREATE INDEX task_run_state_by_run ON task_run_state (task_run_id, timestamp);
CREATE INDEX task_run_by_state ON task_run (state_type, state_timestamp);
"""
INSERT_STATE = "INSERT INTO task_run_state VALUES (?, ?, 'RUNNING', 'Running', ?, ?, NULL)"
UPDATE_RUN = """UPDATE task_run SET state_id = ?, state_type = 'RUNNING', state_timestamp = ?,
                run_count = run_count + 1, start_time = ? WHERE id = ?"""


def run(bench: Bench) -> Section:
    """One row a layer, then one a batch size."""
    section = Section("Bare limits", bench.command("bare"), ("result",), raw={})
    for layer, label in LAYERS.items():
        report = _drive(bench, layer)
        section.raw[layer] = report
        section.rows += [
            Row(f"{label}: requests", "1/s", (report["writes_per_second"],), "more"),
            Row(f"{label}: CPU a request", "ms", (report["cpu_ms_per_write"]["server"],), "less"),
        ]
    for batch in BATCHES:
        rate = transitions_per_second(bench.folder / f"bare-{batch}.db", batch, bench.options.seconds)
        section.rows.append(
            Row(f"SQLite WAL, synchronous=FULL, commits of {batch}: transitions", "1/s", (rate,), "more")
        )
    section.notes.append(
        f"HTTP: {CONNECTIONS} connections, the load of the writes scenario. SQLite: the standard module in one thread; "
        f"a transition reads the run, inserts a state and updates the run."
    )
    return section


def _drive(bench: Bench, layer: str) -> dict[str, Any]:
    python = str(VENV / "python")
    launch = Launch(layer, lambda port, _: [python, "-m", "bench.bare_servers", layer, str(port)])
    with Server(launch, Storage(bench.folder / f"bare-{layer}"), bench.cores.server) as server:
        options = bench.options
        watched = {"server": server.processes()}
        return run_load(measure([server.target], CONNECTIONS, options.seconds, options.warm_up, watched))


def transitions_per_second(database: Path, batch: int, seconds: float) -> float:
    """How many transitions a second one thread commits to a fresh SQLite file, `batch` in each transaction."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(SCHEMA)
    runs = [str(uuid.uuid4()) for _ in range(10_000)]
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO task_run VALUES (?, 'double', NULL, 'PENDING', NULL, 0, NULL)", zip(runs))
    connection.execute("COMMIT")
    done, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        _commit(connection, [runs[(done + n) % len(runs)] for n in range(batch)])
        done += batch
    connection.close()
    return done / elapsed


def _commit(connection: sqlite3.Connection, run_ids: list[str]) -> None:
    now = datetime.now(UTC).isoformat()
    details = json.dumps(STATE_DETAILS)
    states = [(str(uuid.uuid4()), run_id, now, details) for run_id in run_ids]
    connection.execute("BEGIN IMMEDIATE")
    wanted = ", ".join("?" * len(run_ids))
    connection.execute(f"SELECT * FROM task_run WHERE id IN ({wanted})", run_ids).fetchall()
    connection.executemany(INSERT_STATE, states)
    connection.executemany(UPDATE_RUN, [(state_id, now, now, run_id) for state_id, run_id, _, _ in states])
    connection.execute("COMMIT")
