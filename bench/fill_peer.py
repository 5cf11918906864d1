"""Filling a database of the peer with the data set by SQL.

The peer takes 40 to 70 writes a second through its API, so 100,000 runs with three states each would take two hours.
"""

import itertools
import json
import sqlite3
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import psycopg

from bench import bodies, dataset
from bench.dataset import StoredRun
from bench.servers import Storage

CHUNK = 5000  # runs in a transaction
TASK_RUN_COLUMNS = (
    "id, created, updated, name, state_type, run_count, expected_start_time, start_time, end_time, total_run_time, "
    "task_key, dynamic_key, empirical_policy, task_inputs, tags, flow_run_id, state_id, state_name, state_timestamp, "
    "flow_run_run_count"
)
FLOW_RUN_COLUMNS = (
    "id, name, state_type, state_name, state_id, state_timestamp, run_count, expected_start_time, start_time, "
    "total_run_time, flow_id"
)
STATE_COLUMNS = "id, created, updated, type, timestamp, name, state_details, data"
_STEP = timedelta(milliseconds=20)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Database(Protocol):
    """A migrated database of the peer, whose server must not be running."""

    def insert(self, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None: ...

    def commit(self) -> None: ...

    def close(self) -> None: ...

    def time(self, at: datetime) -> Any:
        """A time as the peer stores it."""

    def duration(self, length: timedelta) -> Any:
        """A duration as the peer stores it."""


class SqliteFile:
    """Times are texts in UTC, with microseconds and no offset; durations are times after 1970."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path)
        self.commit, self.close = self._connection.commit, self._connection.close

    def insert(self, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
        marks = ", ".join("?" * len(rows[0]))
        self._connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)

    def time(self, at: datetime) -> str:
        return at.strftime("%Y-%m-%d %H:%M:%S.%f")

    def duration(self, length: timedelta) -> str:
        return self.time(_EPOCH + length)


class PostgresDatabase:
    """References are not checked while filling."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url)
        self._connection.execute("SET session_replication_role = replica")
        self.commit = self._connection.commit

    def insert(self, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
        marks = ", ".join(["%s"] * len(rows[0]))
        statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})".encode()
        self._connection.cursor().executemany(statement, rows)

    def close(self) -> None:
        self._connection.close()

    def time(self, at: datetime) -> datetime:
        return at

    def duration(self, length: timedelta) -> timedelta:
        return length


def fill_peer(storage: Storage, count: int, base: datetime) -> None:
    """Store the data set."""
    url = storage.postgresql
    with closing(SqliteFile(storage.folder / "prefect.db") if url is None else PostgresDatabase(url)) as database:
        flow_run_ids = _insert_flow_runs(database, base)
        for runs in _chunks(dataset.stored_runs(count, base)):
            rows = _Rows(database)
            for run in runs:
                rows.add_task_run(run, flow_run_ids[run.flow_run])
            rows.insert()


def _chunks(runs: Iterator[StoredRun]) -> Iterator[list[StoredRun]]:
    while chunk := list(itertools.islice(runs, CHUNK)):
        yield chunk


def _insert_flow_runs(database: Database, base: datetime) -> list[str]:
    flow_ids = [str(uuid.uuid4()) for _ in range(dataset.FLOWS)]
    database.insert("flow", "id, name", [(flow_id, dataset.flow_name(n)) for n, flow_id in enumerate(flow_ids)])
    rows = _Rows(database)
    flow_run_ids = []
    for number in range(dataset.FLOW_RUNS):
        at = base - dataset.DAY + dataset.DAY * (number / dataset.FLOW_RUNS)
        flow_run_ids.append(rows.add_flow_run(number, flow_ids[number % dataset.FLOWS], at))
    rows.insert()
    return flow_run_ids


class _Rows:
    """Rows by table and columns, for one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows: defaultdict[tuple[str, str], list[tuple[Any, ...]]] = defaultdict(list)

    def insert(self) -> None:
        for (table, columns), rows in self._rows.items():
            self._database.insert(table, columns, rows)
        self._database.commit()

    def add_flow_run(self, number: int, flow_id: str, at: datetime) -> str:
        """A flow run that runs since `at`; returns its id."""
        time, run_id = self._database.time, str(uuid.uuid4())
        state_id = self._add_states("flow_run", run_id, [("PENDING", at), ("RUNNING", at + _STEP)])
        values = (
            *(run_id, dataset.flow_run_name(number), "RUNNING", "Running", state_id, time(at + _STEP), 1),
            *(time(at), time(at + _STEP), self._database.duration(timedelta()), flow_id),
        )
        self._rows["flow_run", FLOW_RUN_COLUMNS].append(values)
        return run_id

    def add_task_run(self, run: StoredRun, flow_run_id: str) -> None:
        """A task run in its final state."""
        time, run_id = self._database.time, str(uuid.uuid4())
        started = run.scheduled_time + _STEP
        ended = started + timedelta(seconds=run.seconds)
        states = [("SCHEDULED", run.scheduled_time), ("RUNNING", started), (run.final_state, ended)]
        state_id = self._add_states("task_run", run_id, states)
        policy = bodies.task_run(flow_run_id, "")["empirical_policy"]
        values = (
            *(run_id, time(run.scheduled_time), time(ended), run.name, run.final_state, 1),
            *(time(run.scheduled_time), time(started), time(ended), self._database.duration(ended - started)),
            *(run.task, str(run.number), json.dumps(policy), json.dumps({"x": []}), json.dumps(run.tags), flow_run_id),
            *(state_id, run.final_state.capitalize(), time(ended), 1),
        )
        self._rows["task_run", TASK_RUN_COLUMNS].append(values)

    def _add_states(self, kind: str, run_id: str, states: list[tuple[str, datetime]]) -> str:
        """The states of a flow_run or task_run; returns the last one's id."""
        for state_type, at in states:
            body: dict[str, Any] = bodies.state(state_type, {f"{kind}_id": run_id})
            state_id, when = str(uuid.uuid4()), self._database.time(at)
            values = (state_id, when, when, state_type, when, body["name"], json.dumps(body["state_details"]), None)
            self._rows[f"{kind}_state", f"{STATE_COLUMNS}, {kind}_id"].append((*values, run_id))
        return state_id
