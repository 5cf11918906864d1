"""Filling a database of Interlock with background task runs that wait, by SQL: a million of them through the API would
take minutes.

Each is a copy of a run that the server itself has taken, one for each of some tasks: only ids, names and times differ.
They wait in turns, a run of each task after the other.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

from bench.http_client import Target
from bench.queue_load import post
from bench.servers import Storage

TASKS = 10
TABLES = ("task_runs", "task_run_states", "task_run_queue")
_TIMES = (
    *("created", "updated", "state_timestamp", "expected_start_time", "next_scheduled_start_time"),
    *("timestamp", "available"),
)
_NUMBERS = "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {count})"
_SUM_UP = (
    "INSERT INTO run_sum_changes (noun, state_type, runs, run_time, lateness) "
    "VALUES ('task_runs', 'SCHEDULED', {count}, 0, 0)"
)
_GIVE_BACK = "UPDATE task_run_queue SET worker_id = NULL, delivered = NULL WHERE worker_id IS NOT NULL"


def task_key(number: int) -> str:
    """The key of a task that runs wait of, by its number."""
    return f"waiting-{number}"


async def plant(target: Target) -> None:
    """Have the server take the runs that are to be copied. It must have no others."""
    for number in range(TASKS):
        await post(target, task_key(number), 1)


def copy_runs(storage: Storage, count: int) -> None:
    """So many copies, which wait since before what was planted, a millisecond between two of them. The server must not
    be running."""
    with _Database(storage) as database:
        for table in TABLES:
            database.execute(f"CREATE TEMPORARY TABLE planted_{table} AS SELECT * FROM {table}")
        database.execute(
            "CREATE TEMPORARY TABLE plants AS "
            f"SELECT id, CAST(substr(task_key, {len(task_key(0))}) AS INTEGER) AS number FROM planted_task_runs"
        )
        for table in TABLES:
            database.execute(_copies(database, table, count))
        database.execute(_SUM_UP.format(count=count))
    if storage.postgresql is not None:
        # As it is after a while, and would otherwise be done by PostgreSQL in the middle of what is measured.
        with psycopg.connect(storage.postgresql, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")


def give_back(storage: Storage) -> None:
    """Have all runs wait again that were delivered. The server must not be running."""
    with _Database(storage) as database:
        database.execute(_GIVE_BACK)


@dataclass(frozen=True, slots=True)
class _Spelling:
    """SQL that each database spells in its own way: the id of copy `n` with a prefix, a time moved by milliseconds."""

    new_id: Callable[[str], str]
    moved: Callable[[str, str], str]


_SQLITE = _Spelling(
    lambda prefix: f"printf('{prefix}-%012x', n)",
    lambda time, milliseconds: f"{time} + 1000 * ({milliseconds})",
)
_POSTGRESQL = _Spelling(
    lambda prefix: f"CAST('{prefix}-' || lpad(to_hex(n), 12, '0') AS uuid)",
    lambda time, milliseconds: f"{time} + ({milliseconds}) * INTERVAL '1 millisecond'",
)
_RUN_ID, _STATE_ID = "01900000-0000-7000-8000", "01900000-0000-7000-9000"


def _copies(database: "_Database", table: str, count: int) -> str:
    """The statement that inserts the table's rows of all copies."""
    columns = database.columns(table)
    values = ", ".join(_value(database.spelling, table, column, count) for column in columns)
    run_id = "id" if table == "task_runs" else "task_run_id"
    return (
        f"{_NUMBERS.format(count=count)} INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM numbers "
        f"JOIN plants ON plants.number = n % {TASKS} JOIN planted_{table} AS planted ON planted.{run_id} = plants.id"
    )


def _value(spelling: _Spelling, table: str, column: str, count: int) -> str:
    """What a copy has in a column of the table."""
    planted, run_id, state_id = f"planted.{column}", spelling.new_id(_RUN_ID), spelling.new_id(_STATE_ID)
    if column in _TIMES:
        return spelling.moved(planted, f"n - {count}")
    if column in ("name", "dynamic_key") and table == "task_runs":
        return f"{planted} || '-' || n"
    if column == "state_details":
        return f"replace({planted}, CAST(plants.id AS TEXT), CAST({run_id} AS TEXT))"
    ids = {"task_run_id": run_id, "state_id": state_id, "id": run_id if table == "task_runs" else state_id}
    return ids.get(column, planted)


class _Database:
    """A connection to Interlock's database, in one transaction; use it as a context manager."""

    def __init__(self, storage: Storage) -> None:
        self._connection: Any
        if storage.postgresql is None:
            self._connection = sqlite3.connect(storage.folder / "interlock.db")
            self.spelling = _SQLITE
        else:
            self._connection = psycopg.connect(storage.postgresql)
            self.spelling = _POSTGRESQL

    def execute(self, statement: str) -> None:
        self._connection.execute(statement)

    def columns(self, table: str) -> list[str]:
        return [column[0] for column in self._connection.execute(f"SELECT * FROM {table} LIMIT 0").description]

    def __enter__(self) -> "_Database":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.commit()
        self._connection.close()
