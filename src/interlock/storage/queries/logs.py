"""Logs of runs: stored in batches, read in pages."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from interlock.storage.criteria import Criteria, condition, contains, is_absent, one_of
from interlock.storage.expressions import among
from interlock.storage.filters import Order, ordering
from interlock.storage.prepared import BulkInsert
from interlock.storage.tables import logs
from interlock.storage.types import Keys
from interlock.storage.walks import Leg, Place, leg

CRITERIA: Criteria = {
    "level": {"ge_": lambda level: logs.c.level >= level, "le_": lambda level: logs.c.level <= level},
    "timestamp": {"before_": lambda time: logs.c.timestamp <= time, "after_": lambda time: logs.c.timestamp >= time},
    "flow_run_id": {"any_": one_of(logs.c.flow_run_id)},
    "task_run_id": {"any_": one_of(logs.c.task_run_id), "is_null_": is_absent(logs.c.task_run_id)},
    "text": {"like_": contains(logs.c.message)},
}

_INSERT = BulkInsert(logs, logs.c.keys())


def insert_many(conn: Connection, lines: list[dict[str, Any]]) -> None:
    """Store lines, each with all columns."""
    _INSERT.write(conn, lines)


def page(conn: Connection, wanted: Mapping[str, Any], order: Order, limit: int, offset: int) -> list[dict[str, Any]]:
    """The lines that a filter asks for. Those of the same moment are in the order in which they were stored."""
    statement = _ordered(wanted, order).limit(limit).offset(offset)
    return [dict(row) for row in conn.execute(statement).mappings()]


def next_leg(
    conn: Connection, wanted: Mapping[str, Any], order: Order, limit: int, after: Place | None
) -> Leg[dict[str, Any]]:
    """The lines that a filter asks for, after a place in the order."""
    placed = _ordered(wanted, order).add_columns(logs.c[order.column].label("place"))
    found = leg(conn, logs, order, limit, after, lambda stretch, most: placed.where(stretch).limit(most))
    return Leg([dict(zip(logs.c.keys(), row, strict=False)) for row in found.items], found.end)


def ids_from(conn: Connection, first: str) -> list[str]:
    """The ids of the lines from this id on. Ids are ordered by the times at which they were given."""
    return list(conn.execute(select(logs.c.id).where(logs.c.id >= first).order_by(logs.c.id)).scalars())


def of_ids(conn: Connection, ids: Sequence[str], wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those of these lines that a filter asks for, in the order in which they were stored."""
    among_these = among(logs.c.id, bindparam("ids", ids, Keys(logs.c.id.type)))
    statement = select(logs).where(among_these, condition(wanted, CRITERIA)).order_by(logs.c.id)
    return [dict(row) for row in conn.execute(statement).mappings()]


def _ordered(wanted: Mapping[str, Any], order: Order) -> Select[Any]:
    return select(logs).where(condition(wanted, CRITERIA)).order_by(*ordering(logs, order))
