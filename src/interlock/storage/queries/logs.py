"""Logs of runs: stored in batches, read in pages."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from interlock.storage.criteria import Criteria, condition, one_of
from interlock.storage.prepared import BulkInsert
from interlock.storage.tables import logs

CRITERIA: Criteria = {
    "level": {"ge_": lambda level: logs.c.level >= level, "le_": lambda level: logs.c.level <= level},
    "timestamp": {"before_": lambda time: logs.c.timestamp <= time, "after_": lambda time: logs.c.timestamp >= time},
    "flow_run_id": {"any_": one_of(logs.c.flow_run_id)},
    "task_run_id": {"any_": one_of(logs.c.task_run_id)},
}

_INSERT = BulkInsert(logs, logs.c.keys())

# Lines of the same moment are read in the order in which they were stored.
_ORDERS = {
    "TIMESTAMP_ASC": (logs.c.timestamp.asc(), logs.c.id.asc()),
    "TIMESTAMP_DESC": (logs.c.timestamp.desc(), logs.c.id.desc()),
}


def insert_many(conn: Connection, lines: list[dict[str, Any]]) -> None:
    """Store lines, each with all columns."""
    _INSERT.write(conn, lines)


def page(conn: Connection, wanted: Mapping[str, Any], sort: str, limit: int, offset: int) -> list[dict[str, Any]]:
    """The lines that a filter asks for, in the order of `sort`."""
    statement = select(logs).where(condition(wanted, CRITERIA)).order_by(*_ORDERS[sort]).limit(limit).offset(offset)
    return [dict(row) for row in conn.execute(statement).mappings()]
