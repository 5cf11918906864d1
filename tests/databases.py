"""The two kinds of database that tests run on: fresh ones, and what can befall one while a server uses it.

What lives here: nothing that knows pytest. What does not: the PostgreSQL server itself (postgres.py).
"""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

import psycopg

from interlock.server import create_store
from interlock.settings import Settings
from interlock.storage.invariants import Violation, violations
from tests.postgres import create_database, database_name, drop_database


class Databases(Protocol):
    """A source of databases of one kind."""

    def create(self) -> str:
        """The URL of a new database with the schema of today and nothing in it."""
        ...

    def create_empty(self) -> str:
        """The URL of a new database without any schema."""
        ...

    def drop(self, url: str) -> None:
        """Remove it, whoever is connected to it."""
        ...

    def rows(self, url: str, statement: str) -> list[tuple[Any, ...]]:
        """What a connection that knows nothing of Interlock is answered; it may also change something."""
        ...

    def without_writes(self, url: str) -> Any:
        """A context in which the database can't be written."""
        ...

    def without_reads(self, url: str) -> Any:
        """A context in which the database can't be read."""
        ...


class SqliteDatabases:
    """Databases as files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._template = folder / "template.db"
        _migrate(f"sqlite:///{self._template}")

    def create(self) -> str:
        url = self.create_empty()
        self._path(url).write_bytes(self._template.read_bytes())
        return url

    def create_empty(self) -> str:
        self._count += 1
        return f"sqlite:///{self._folder / f'{self._count}.db'}"

    def drop(self, url: str) -> None:
        for path in self._folder.glob(f"{self._path(url).name}*"):
            path.unlink()

    @staticmethod
    def _path(url: str) -> Path:
        return Path(url.removeprefix("sqlite:///"))

    def rows(self, url: str, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._path(url), isolation_level=None)) as conn:
            return list(conn.execute(statement).fetchall())

    @contextmanager
    def without_writes(self, url: str) -> Iterator[None]:
        """Another program is writing and does not come to an end."""
        with closing(sqlite3.connect(self._path(url), isolation_level=None)) as conn:
            conn.execute("BEGIN IMMEDIATE")
            yield
            conn.execute("ROLLBACK")

    @contextmanager
    def without_reads(self, url: str) -> Iterator[None]:
        """Every table and index has been misplaced."""
        self._misplace(url, +1_000_000)
        yield
        self._misplace(url, -1_000_000)

    def _misplace(self, url: str, pages: int) -> None:
        with closing(sqlite3.connect(self._path(url), isolation_level=None)) as conn:
            (version,) = conn.execute("PRAGMA schema_version").fetchone()
            conn.execute("PRAGMA writable_schema=ON")
            conn.execute(f"UPDATE sqlite_schema SET rootpage = rootpage + {pages} WHERE rootpage > 0")
            conn.execute(f"PRAGMA schema_version={version + 1}")


class PostgresDatabases:
    """Databases on a PostgreSQL server, whose URL names a user who may make them."""

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        self._template = create_database(server_url)
        _migrate(self._template)

    def create(self) -> str:
        return create_database(self._server_url, self._template)

    def create_empty(self) -> str:
        return create_database(self._server_url)

    def drop(self, url: str) -> None:
        drop_database(self._server_url, url)

    def close(self) -> None:
        """Remove what is left."""
        self.drop(self._template)

    def rows(self, url: str, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(url, autocommit=True) as conn:
            cursor = conn.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def _without(self, url: str) -> Iterator[None]:
        """The server is there, but refuses all connections to this database."""
        name = database_name(url)
        with psycopg.connect(self._server_url, autocommit=True) as conn:
            conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            yield
            conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    without_writes = without_reads = _without


async def violations_in(url: str) -> list[Violation]:
    """What is wrong with the ledger in a database."""
    store = create_store(Settings(database_url=url))
    try:
        return await store.read(violations)
    finally:
        await store.close()


def _migrate(url: str) -> None:
    async def start_and_close() -> None:
        store = create_store(Settings(database_url=url))
        await store.start()
        await store.close()

    asyncio.run(start_and_close())
