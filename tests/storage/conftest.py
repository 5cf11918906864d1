"""Fixtures for tests of what is asked of the tables."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Table, select

from interlock.orchestration.commands import Command
from interlock.server import create_store
from interlock.settings import Settings
from interlock.storage.filters import Criterion
from interlock.storage.store import P, Query, T, Write
from interlock.storage.tables import metadata
from tests.conftest import FreshDatabase
from tests.storage.meaning import holds
from tests.storage.world import fill


class PlainStore:
    """An open store for tests that are not asynchronous."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self._store = create_store(Settings(database_url=url))
        self._runner.run(self._store.start())

    def read(self, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self._runner.run(self._store.read(query, *args, **kwargs))

    def write(self, function: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        write = Write(lambda conn: function(conn, *args, **kwargs), is_one_change=hasattr(function, "is_one_change"))
        (outcome,) = self._runner.run(self._store.commit([write]))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome  # type: ignore[return-value]

    def decide(self, *commands: Command) -> Sequence[Any]:
        """What becomes of commands, all in one batch."""
        return self._runner.run(self._store.commit(commands))

    def close(self) -> None:
        self._runner.run(self._store.close())
        self._runner.close()


@pytest.fixture(scope="module")
def plain_store(fresh_database: FreshDatabase) -> Iterator[PlainStore]:
    """A store on a database of this module's own."""
    with fresh_database() as url:
        store = PlainStore(url)
        yield store
        store.close()


def count_for_postgres(conn: Connection) -> None:
    """What PostgreSQL does by itself sooner or later; SQLite plans without knowing what is in the tables."""
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql("ANALYZE")


@contextmanager
def crowded(fresh_database: FreshDatabase, add_crowd: Callable[[Connection], None]) -> Iterator[PlainStore]:
    """A store with the small world and a crowd beside it: with few runs, any way to find them is a quick one."""
    with fresh_database() as url:
        store = PlainStore(url)
        store.write(fill, seed=1)
        store.write(add_crowd)
        store.write(count_for_postgres)
        yield store
        store.close()


class World:
    """The rows of a small world of runs, and the store that holds them."""

    def __init__(self, store: PlainStore) -> None:
        self._store = store
        self.rows = store.write(fill, seed=1)

    def read(self, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What a query finds."""
        return self._store.read(query, *args, **kwargs)

    def write(self, function: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Change what is there, `rows` apart."""
        return self._store.write(function, *args, **kwargs)

    def found(self, noun: str, condition: Any) -> set[str]:
        """The ids of the rows for which SQL says that the condition holds."""
        return self.read(_ids, metadata.tables[noun], condition)

    def meant(self, noun: str, criterion: Criterion) -> list[dict[str, Any]]:
        """The rows for which the criterion holds by its plain meaning, in the order of their ids."""
        return [row for row in self.rows[noun].values() if holds(self.rows, noun, row, criterion)]


def _ids(conn: Connection, table: Table, condition: Any) -> set[str]:
    return set(conn.execute(select(table.c.id).where(condition)).scalars())


@pytest.fixture(scope="module")
def world(plain_store: PlainStore) -> World:
    return World(plain_store)
