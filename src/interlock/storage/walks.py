"""Walks: records in an order, one leg after another, each beginning where the last one ended.

What lives here: places in an order, and what comes after one as conditions that an index serves. What does not: the
spelling of a place on the wire (api/cursors.py), orders themselves (filters.py), and the statements that are walked
(queries/).

The end of a leg is a value in the order's column and an id, not a number of records: so nothing is skipped to get
there, and nothing is seen twice or missed because others came or went meanwhile.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, Table, and_, bindparam, true, tuple_

from interlock.storage.filters import Order
from interlock.storage.types import UtcTime

T = TypeVar("T")

_EARLIEST = datetime.min.replace(tzinfo=UTC)


class Place(msgspec.Struct, frozen=True):
    """Where a record is in an order: its value in the order's column, None for NULL, and its id."""

    value: Any
    id: str


class Leg(msgspec.Struct, Generic[T], frozen=True):
    """Records that follow each other, and the place of the last one where there are more after it."""

    items: list[T]
    end: Place | None


def can_be_in(table: Table, order: Order, value: Any) -> bool:
    """Whether a record may have this value in the order's column."""
    column = table.c[order.column]
    if value is None:
        return bool(column.nullable)
    return isinstance(value, datetime if isinstance(column.type, UtcTime) else str)


def leg(
    conn: Connection,
    table: Table,
    order: Order,
    limit: int,
    after: Place | None,
    statement: Callable[[ColumnElement[bool], int], Select[Any]],
) -> Leg[Row[Any]]:
    """At most `limit` rows after a place, or from the beginning.

    `statement` selects, of the rows for which a condition holds, at most so many in the order: first their id and last
    the order's column.
    """
    found: list[Row[Any]] = []
    for stretch in _stretches(table, order, after):
        # One more than wanted tells whether there are more.
        found += conn.execute(statement(stretch, limit + 1 - len(found))).all()
        if len(found) > limit:
            last = found[limit - 1]
            return Leg(found[:limit], Place(last[-1], last[0]))
    return Leg(found, None)


def _stretches(table: Table, order: Order, after: Place | None) -> list[ColumnElement[bool]]:
    """What comes after a place, as conditions whose records follow each other.

    Each is one range of the order's index. As one condition they would not be: NULLs compare with nothing, and "equal
    to NULL and a later id, or not NULL" is looked for by testing every record.
    """
    if after is None:
        return [true()]
    column = table.c[order.column]
    if after.value is None:
        nulls = and_(column.is_(None), _beyond(order, {table.c.id: after.id}))
        # Not "is not NULL", for which SQLite walks all NULLs.
        return [nulls] if order.descending else [nulls, column >= _EARLIEST]
    beyond = _beyond(order, {column: after.value, table.c.id: after.id})
    return [beyond, column.is_(None)] if order.descending and column.nullable else [beyond]


def _beyond(order: Order, place: dict[ColumnElement[Any], Any]) -> ColumnElement[bool]:
    """The columns come after these values, the first one deciding."""
    here = tuple_(*place)
    there = tuple_(*(bindparam(None, value, column.type) for column, value in place.items()))
    return here < there if order.descending else here > there
