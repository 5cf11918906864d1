"""What each database makes of the expressions that they spell in their own ways."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import ColumnElement, Connection, bindparam, select

from interlock.storage.expressions import among, keyed
from interlock.storage.migrations import upgrade_if_needed
from interlock.storage.sqlite import create_sqlite_engine
from interlock.storage.tables import task_runs
from interlock.storage.types import JsonText, Keys

ITEMS = bindparam("items", type_=JsonText)


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    """The embedded database, which has no boolean type."""
    engine = create_sqlite_engine(tmp_path / "ledger.db", "normal")
    with engine.begin() as conn:
        upgrade_if_needed(conn)
        yield conn
    engine.dispose()


@pytest.mark.parametrize(
    "condition",
    [
        among(task_runs.c.id, bindparam("keys", type_=Keys(task_runs.c.id.type))),
        among(task_runs.c.flow_run_id, bindparam("keys", type_=Keys(task_runs.c.flow_run_id.type))),
        keyed(ITEMS, task_runs.c.flow_run_id, task_runs.c.task_key, task_runs.c.dynamic_key),
    ],
    ids=["id", "flow run", "natural key"],
)
def test_keys_find_their_rows_by_an_index(conn: Connection, condition: ColumnElement[bool]) -> None:
    """And not by going through the whole table, as for a condition whose outcome is compared with another."""
    query = select(task_runs.c.name).where(condition).compile(dialect=conn.dialect)
    plan = [row[-1] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", ("[]",))]
    assert any(step.startswith("SEARCH task_runs USING INDEX") for step in plan), plan
