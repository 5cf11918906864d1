"""Filling a database of the peer with a demo by SQL.

The peer takes 40 to 70 writes a second through its API, so 100,000 runs with three states each would take two hours.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import msgspec
import psycopg

from bench.servers import Storage
from interlock.orchestration.runs import FlowRun, TaskRun
from interlock.orchestration.states import State
from interlock.storage.demo import world
from interlock.storage.demo.flow_runs import Demo, slices
from interlock.storage.demo.slices import Slice

RUN_COLUMNS = (
    "id, created, updated, name, tags, state_type, state_name, state_id, state_timestamp, run_count, "
    "expected_start_time, next_scheduled_start_time, start_time, end_time, total_run_time, empirical_policy"
)
TASK_RUN_COLUMNS = f"{RUN_COLUMNS}, flow_run_id, task_key, dynamic_key, task_inputs, flow_run_run_count"
FLOW_RUN_COLUMNS = f"{RUN_COLUMNS}, flow_id, parameters, parent_task_run_id"
STATE_COLUMNS = "id, created, updated, type, timestamp, name, message, state_details"
LOG_COLUMNS = "id, created, updated, name, level, message, timestamp, flow_run_id, task_run_id"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Database(Protocol):
    """A migrated database of the peer, whose server must not be running."""

    def insert(self, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None: ...

    def commit(self) -> None: ...

    def close(self) -> None: ...

    def time(self, at: datetime | None) -> Any:
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

    def time(self, at: datetime | None) -> str | None:
        return None if at is None else at.strftime("%Y-%m-%d %H:%M:%S.%f")

    def duration(self, length: timedelta) -> str | None:
        return self.time(_EPOCH + length)


class PostgresDatabase:
    """References are not checked while filling."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url)
        self._connection.execute("SET session_replication_role = replica")
        self.commit = self._connection.commit

    def insert(self, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
        statement = f"COPY {table} ({columns}) FROM STDIN".encode()
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    def close(self) -> None:
        self._connection.close()

    def time(self, at: datetime | None) -> datetime | None:
        return at

    def duration(self, length: timedelta) -> timedelta:
        return length


def fill_peer(storage: Storage, wanted: Demo) -> None:
    """Store the demo."""
    url = storage.postgresql
    with closing(SqliteFile(storage.folder / "prefect.db") if url is None else PostgresDatabase(url)) as database:
        flow_ids = {flow.name: f"00000000-0000-4000-8000-{n:012}" for n, flow in enumerate(world.FLOWS)}
        database.insert("flow", "id, name", [(flow_id, name) for name, flow_id in flow_ids.items()])
        for part in slices(wanted, flow_ids):
            for (table, columns), rows in _rows(database, part).items():
                database.insert(table, columns, rows)
            database.commit()


def _rows(database: Database, part: Slice) -> dict[tuple[str, str], list[tuple[Any, ...]]]:
    """By table and columns."""
    found = defaultdict(list)
    for flow_run, states in part.flow_runs:
        found["flow_run", FLOW_RUN_COLUMNS].append(_flow_run(database, flow_run))
        found["flow_run_state", f"{STATE_COLUMNS}, flow_run_id"] += _states(database.time, states, flow_run.id)
    for task_run, states in part.task_runs:
        found["task_run", TASK_RUN_COLUMNS].append(_task_run(database, task_run))
        found["task_run_state", f"{STATE_COLUMNS}, task_run_id"] += _states(database.time, states, task_run.id)
    found["log", LOG_COLUMNS] = [_log(database.time, line) for line in part.logs]
    return {table: rows for table, rows in found.items() if rows}


def _run(database: Database, run: FlowRun | TaskRun) -> tuple[Any, ...]:
    time, state = database.time, run.state
    assert state is not None
    return (
        *(run.id, time(run.created), time(run.updated), run.name, json.dumps(run.tags)),
        *(state.type.value, state.name, state.id, time(state.timestamp), run.run_count),
        *(time(run.expected_start_time), time(run.next_scheduled_start_time), time(run.start_time), time(run.end_time)),
        *(database.duration(timedelta(seconds=run.total_run_time)), _json(run.empirical_policy)),
    )


def _flow_run(database: Database, run: FlowRun) -> tuple[Any, ...]:
    return (*_run(database, run), run.flow_id, run.parameters, run.parent_task_run_id)


def _task_run(database: Database, run: TaskRun) -> tuple[Any, ...]:
    own = (run.flow_run_id, run.task_key, run.dynamic_key, run.task_inputs, run.flow_run_run_count)
    return (*_run(database, run), *own)


def _states(time: Callable[[datetime], Any], states: Iterable[State], run_id: str) -> list[tuple[Any, ...]]:
    return [
        (
            *(x.id, time(x.timestamp), time(x.timestamp), x.type.value, time(x.timestamp), x.name, x.message),
            *(_json(x.details), run_id),
        )
        for x in states
    ]


def _log(time: Callable[[datetime], Any], line: dict[str, Any]) -> tuple[Any, ...]:
    values = (line[x] for x in LOG_COLUMNS.split(", "))
    return tuple(time(x) if isinstance(x, datetime) else x for x in values)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
