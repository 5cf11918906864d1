"""Fixtures for tests of what is asked of the tables."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from interlock.storage.filters import Criterion
from interlock.storage.migrations import upgrade_if_needed
from interlock.storage.sqlite import create_sqlite_engine
from interlock.storage.tables import metadata
from tests.storage.meaning import holds
from tests.storage.world import fill


class World:
    """The rows of a small world of runs, and a connection to the tables that hold them."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.rows = fill(conn, seed=1)

    def found(self, noun: str, condition: Any) -> set[str]:
        """The ids of the rows for which SQL says that the condition holds."""
        table = metadata.tables[noun]
        return set(self.conn.execute(select(table.c.id).where(condition)).scalars())

    def meant(self, noun: str, criterion: Criterion) -> list[dict[str, Any]]:
        """The rows for which the criterion holds by its plain meaning, in the order of their ids."""
        return [row for row in self.rows[noun].values() if holds(self.rows, noun, row, criterion)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    engine = create_sqlite_engine(Path(tmp_path_factory.mktemp("world")) / "ledger.db", "normal")
    upgrade_if_needed(engine)
    with engine.connect() as conn:
        yield World(conn)
    engine.dispose()
