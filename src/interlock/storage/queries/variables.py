"""Variables: created, found by id, name and filter, changed, deleted."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, func, insert, select, update

from interlock.storage.criteria import Criteria, condition, contains, has_all, is_empty, one_of
from interlock.storage.tables import variables

CRITERIA: Criteria = {
    "id": {"any_": one_of(variables.c.id)},
    "name": {"any_": one_of(variables.c.name), "like_": contains(variables.c.name)},
    "value": {"any_": one_of(variables.c.value), "like_": contains(variables.c.value)},
    "tags": {"all_": has_all(variables.c.tags), "is_null_": is_empty(variables.c.tags)},
}

_ORDERS: Mapping[str, Sequence[ColumnElement[Any]]] = {
    "CREATED_DESC": (variables.c.created.desc(), variables.c.id.desc()),
    "UPDATED_DESC": (variables.c.updated.desc(), variables.c.id.desc()),
    "NAME_DESC": (variables.c.name.desc(),),
    "NAME_ASC": (variables.c.name.asc(),),
}

Filter = Mapping[str, Any]


def with_id(variable_id: str) -> Filter:
    """The filter that one variable meets."""
    return {"id": {"any_": [variable_id]}}


def with_name(name: str) -> Filter:
    """The filter that the variable of this name meets."""
    return {"name": {"any_": [name]}}


def values_by_name(conn: Connection) -> dict[str, tuple[str, bool]]:
    """The value of every variable: its text, and whether that is JSON."""
    found = conn.execute(select(variables.c.name, variables.c.value, variables.c.is_json))
    return {row.name: (row.value, row.is_json) for row in found}


def create(conn: Connection, variable_id: str, values: Mapping[str, Any], now: datetime) -> RowMapping:
    """A new variable; raises IntegrityError where its name is taken."""
    conn.execute(insert(variables), {"id": variable_id, "created": now, "updated": now, **values})
    made = first(conn, with_id(variable_id))
    assert made is not None
    return made


def first(conn: Connection, wanted: Filter) -> RowMapping | None:
    """A variable that fits."""
    return conn.execute(select(variables).where(condition(wanted, CRITERIA))).mappings().first()


def page(conn: Connection, wanted: Filter, sort: str, limit: int, offset: int) -> Sequence[RowMapping]:
    """Variables that fit, in the order of `sort`."""
    query = select(variables).where(condition(wanted, CRITERIA)).order_by(*_ORDERS[sort])
    return conn.execute(query.limit(limit).offset(offset)).mappings().all()


def count(conn: Connection, wanted: Filter) -> int:
    """How many variables fit."""
    query = select(func.count()).select_from(variables).where(condition(wanted, CRITERIA))
    return conn.execute(query).scalar_one()


def change(conn: Connection, wanted: Filter, values: Mapping[str, Any], now: datetime) -> bool:
    """Set the given columns of the variable that fits; whether there is one.

    Raises IntegrityError where the new name is taken, or a column is to be empty.
    """
    statement = update(variables).where(condition(wanted, CRITERIA)).values(**values, updated=now)
    return conn.execute(statement).rowcount > 0


def delete_one(conn: Connection, wanted: Filter) -> bool:
    """Delete the variable that fits; whether there was one."""
    return conn.execute(delete(variables).where(condition(wanted, CRITERIA))).rowcount > 0
