"""Ways to carry out a batch of transitions on PostgreSQL: drivers, and how rows are handed to them.

Each does the same work in one transaction: lock the runs, read them with their states, insert the new states, update
the runs. What lives here: that work for each driver. What does not: timing it (scenarios/drivers.py).
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import asyncpg
import psycopg
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import await_only

from bench.bodies import STATE_DETAILS, encode

SCHEMA = """
CREATE TABLE run (id uuid PRIMARY KEY, created timestamptz, updated timestamptz, name text, flow_run_id uuid,
                  task_key text, dynamic_key text, empirical_policy text, tags jsonb, task_inputs text,
                  state_id uuid, state_type text, state_name text, state_timestamp timestamptz, run_count int,
                  start_time timestamptz, end_time timestamptz, total_run_time double precision);
CREATE TABLE state (id uuid PRIMARY KEY, run_id uuid, type text, name text, timestamp timestamptz, message text,
                    state_details text, data text);
CREATE INDEX ON run (state_type, state_timestamp);
CREATE INDEX ON run (flow_run_id, task_key, dynamic_key);
CREATE INDEX ON state (run_id, timestamp);
"""
FILL = """
INSERT INTO run SELECT gen_random_uuid(), now(), now(), 'double-' || n, $1, 'double', n, '{"retries": 0}', '["a"]',
                       '{}', NULL, 'PENDING', 'Pending', now(), 0, NULL, NULL, 0
FROM generate_series(1, $2::int) AS n RETURNING id
"""

LOCK = "SELECT id FROM run WHERE id = ANY({ids}) ORDER BY id FOR NO KEY UPDATE"
READ = """SELECT run.*, state.* FROM run LEFT JOIN state ON state.id = run.state_id WHERE run.id = ANY({ids})"""
STATE_TYPES = ("uuid", "uuid", "text", "text", "timestamptz", "text", "text", "text")
CHANGE_TYPES = ("uuid", "timestamptz", "uuid", "text", "text", "timestamptz", "int", "timestamptz", "double precision")
INSERT = "INSERT INTO state {rows}"
UPDATE = """UPDATE run SET updated = {1}, state_id = {2}, state_type = {3}, state_name = {4}, state_timestamp = {5},
                           run_count = {6}, start_time = {7}, total_run_time = {8}"""
UPDATE_ONE = UPDATE + " WHERE id = {0}"
UPDATE_MANY = UPDATE + " FROM unnest({rows}) AS new (c0, c1, c2, c3, c4, c5, c6, c7, c8) WHERE id = new.c0"

_DETAILS = encode(STATE_DETAILS).decode()


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of one transaction: a state and a changed run for each id."""

    ids: list[str]
    states: list[tuple[Any, ...]]
    changes: list[tuple[Any, ...]]


def batch_of(ids: Sequence[str]) -> Batch:
    """Every run to RUNNING, now."""
    now = datetime.now(UTC)
    states: list[tuple[Any, ...]] = []
    changes: list[tuple[Any, ...]] = []
    for run_id in ids:
        state_id = str(uuid.uuid4())
        states.append((state_id, run_id, "RUNNING", "Running", now, None, _DETAILS, None))
        changes.append((run_id, now, state_id, "RUNNING", "Running", now, 1, now, 0.5))
    return Batch(list(ids), states, changes)


class Driver(Protocol):
    """One connection to the database."""

    async def open(self, url: str) -> None: ...

    async def carry_out(self, batch: Batch) -> None: ...

    async def close(self) -> None: ...


def _numbered(types: Sequence[str], suffix: str = "") -> list[str]:
    return [f"${n}::{kind}{suffix}" for n, kind in enumerate(types, 1)]


def _as_columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


class AsyncpgArrays:
    """asyncpg; rows as one array a column."""

    lock = LOCK.format(ids="$1::uuid[]")
    read = READ.format(ids="$1::uuid[]")
    insert = INSERT.format(rows=f"SELECT * FROM unnest({', '.join(_numbered(STATE_TYPES, '[]'))})")
    update = UPDATE_MANY.format(*(f"new.c{n}" for n in range(9)), rows=", ".join(_numbered(CHANGE_TYPES, "[]")))

    async def open(self, url: str) -> None:
        self.connection = await asyncpg.connect(url)

    async def carry_out(self, batch: Batch) -> None:
        connection = self.connection
        await connection.execute("BEGIN")
        await connection.fetch(self.lock, batch.ids)
        await connection.fetch(self.read, batch.ids)
        await connection.fetch(self.insert, *_as_columns(batch.states))
        await connection.fetch(self.update, *_as_columns(batch.changes))
        await connection.execute("COMMIT")

    async def close(self) -> None:
        await self.connection.close()


class AsyncpgExecutemany(AsyncpgArrays):
    """asyncpg; rows one by one in executemany, which sends them in one go."""

    insert = INSERT.format(rows=f"VALUES ({', '.join(_numbered(STATE_TYPES))})")
    update = UPDATE_ONE.format(*_numbered(CHANGE_TYPES))

    async def carry_out(self, batch: Batch) -> None:
        connection = self.connection
        await connection.execute("BEGIN")
        await connection.fetch(self.lock, batch.ids)
        await connection.fetch(self.read, batch.ids)
        await connection.executemany(self.insert, batch.states)
        await connection.executemany(self.update, batch.changes)
        await connection.execute("COMMIT")


class BridgedAsyncpg(AsyncpgArrays):
    """asyncpg below SQLAlchemy's async engine: plain functions that wait by switching greenlets."""

    async def open(self, url: str) -> None:
        async def connect() -> Any:
            return await asyncpg.connect(url)

        self.engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, isolation_level="AUTOCOMMIT")

    async def carry_out(self, batch: Batch) -> None:
        async with self.engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.execute("BEGIN")
            await connection.run_sync(self._in_transaction, batch)
            await driver.execute("COMMIT")

    def _in_transaction(self, connection: Connection, batch: Batch) -> None:
        driver: Any = connection.connection.driver_connection
        await_only(driver.fetch(self.lock, batch.ids))
        await_only(driver.fetch(self.read, batch.ids))
        await_only(driver.fetch(self.insert, *_as_columns(batch.states)))
        await_only(driver.fetch(self.update, *_as_columns(batch.changes)))

    async def close(self) -> None:
        await self.engine.dispose()


class PsycopgPipeline:
    """psycopg 3 in pipeline mode: two round trips a batch; rows one by one in executemany."""

    lock = LOCK.format(ids="%s::uuid[]")
    read = READ.format(ids="%s::uuid[]")
    insert = INSERT.format(rows=f"VALUES ({', '.join(['%s'] * len(STATE_TYPES))})")
    update = f"{UPDATE.format('', *['%s'] * 8)} WHERE id = %s"

    async def open(self, url: str) -> None:
        self.connection = await psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=0)

    async def carry_out(self, batch: Batch) -> None:
        async with self.connection.pipeline(), self.connection.cursor(binary=True) as cursor:
            await cursor.execute("BEGIN")
            await cursor.execute(self.lock, [batch.ids])
            facts = await cursor.execute(self.read, [batch.ids])
            await facts.fetchall()
            await self._write(cursor, batch)
            await cursor.execute("COMMIT")

    async def _write(self, cursor: Any, batch: Batch) -> None:
        await cursor.executemany(self.insert, batch.states)
        await cursor.executemany(self.update, [(*values, run_id) for run_id, *values in batch.changes])

    async def close(self) -> None:
        await self.connection.close()


class PsycopgArrays(PsycopgPipeline):
    """psycopg 3 in pipeline mode; rows as one array a column."""

    insert = INSERT.format(rows=f"SELECT * FROM unnest({', '.join(f'%s::{kind}[]' for kind in STATE_TYPES)})")
    update = UPDATE_MANY.format(
        *(f"new.c{n}" for n in range(9)), rows=", ".join(f"%s::{kind}[]" for kind in CHANGE_TYPES)
    )

    async def _write(self, cursor: Any, batch: Batch) -> None:
        await cursor.execute(self.insert, _as_columns(batch.states))
        await cursor.execute(self.update, _as_columns(batch.changes))


DRIVERS: dict[str, Callable[[], Driver]] = {
    "asyncpg, arrays": AsyncpgArrays,
    "asyncpg, executemany": AsyncpgExecutemany,
    "asyncpg, arrays, SQLAlchemy's bridge": BridgedAsyncpg,
    "psycopg, pipeline, executemany": PsycopgPipeline,
    "psycopg, pipeline, arrays": PsycopgArrays,
}


async def make_runs(url: str, count: int) -> list[str]:
    """The tables, filled with so many runs; their ids."""
    connection = await asyncpg.connect(url)
    await connection.execute(SCHEMA)
    ids = [str(row[0]) for row in await connection.fetch(FILL, uuid.uuid4(), count)]
    await connection.execute("ANALYZE")
    await connection.close()
    return ids
