"""Artifacts: what runs publish, the newest of each key, and the results that states carry.

What lives here: statements on artifacts and on the records of their keys, which are kept in step. What does not: which
states have results to keep (ledger.py).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Table,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)

from interlock.orchestration.states import State
from interlock.storage import filters
from interlock.storage.criteria import Criteria, condition, contains, one_of
from interlock.storage.prepared import BulkInsert
from interlock.storage.tables import artifact_collections, artifacts

NewId = Callable[[], str]

_INSERT_RESULT = BulkInsert(
    artifacts,
    ("id", "created", "updated", "key", "type", "description", "data", "flow_run_id", "task_run_id"),
)


class Result(msgspec.Struct, frozen=True):
    """The data of a state, to be kept as an artifact."""

    state: State
    task_run_id: str | None


def _criteria(table: Table, id_column: str) -> Criteria:
    key, kind = table.c.key, table.c.type
    return {
        id_column: {"any_": one_of(table.c[id_column])},
        "key": {
            "any_": one_of(key),
            "like_": contains(key),
            "exists_": lambda wanted: key.is_not(None) if wanted else key.is_(None),
        },
        "flow_run_id": {"any_": one_of(table.c.flow_run_id)},
        "task_run_id": {"any_": one_of(table.c.task_run_id)},
        "type": {"any_": one_of(kind), "not_any_": lambda kinds: kind.not_in(kinds)},
    }


_CRITERIA = {
    artifacts: _criteria(artifacts, "id"),
    artifact_collections: _criteria(artifact_collections, "latest_id"),
}


def _order(table: Table, sort: str) -> Sequence[ColumnElement[Any]]:
    """Those without a key count as the least of all keys."""
    orders: dict[str, ColumnElement[Any]] = {
        "CREATED_DESC": table.c.created.desc(),
        "UPDATED_DESC": table.c.updated.desc(),
        "ID_DESC": table.c.id.desc(),
        "KEY_DESC": table.c.key.desc().nulls_last(),
        "KEY_ASC": table.c.key.asc().nulls_first(),
    }
    return orders[sort], table.c.id.desc()


def create(conn: Connection, values: Mapping[str, Any], new_id: NewId, now: datetime) -> RowMapping:
    """Store an artifact, the newest of its key if it has one. `values` are all columns but the identity's."""
    row = {"id": new_id(), "created": now, "updated": now, **values}
    if values["key"] is not None:
        _make_newest(conn, row["id"], values, new_id, now)
    conn.execute(insert(artifacts), row)
    made = by_id(conn, row["id"])
    assert made is not None
    return made


def insert_results(conn: Connection, results: Sequence[Result], new_id: NewId) -> None:
    """Keep the data of states as artifacts of their runs, labelled as their clients asked."""
    rows = [_result_row(x, new_id()) for x in results]
    _INSERT_RESULT.write(conn, rows)
    for row in rows:
        if row["key"] is not None:
            # What the client did not label stays as the key's artifact before it had it.
            given = {name: value for name, value in row.items() if name in _GIVEN_BY_RESULTS and value is not None}
            _make_newest(conn, row["id"], given, new_id, row["created"])


_GIVEN_BY_RESULTS = ("key", "type", "description", "data", "flow_run_id", "task_run_id")


def _result_row(result: Result, artifact_id: str) -> dict[str, Any]:
    state = result.state
    return {
        "id": artifact_id,
        "created": state.timestamp,
        "updated": state.timestamp,
        "key": state.label.key,
        "type": state.label.type,
        "description": state.label.description,
        "data": state.data,
        "flow_run_id": state.details.flow_run_id,
        "task_run_id": result.task_run_id,
    }


def _make_newest(conn: Connection, artifact_id: str, given: Mapping[str, Any], new_id: NewId, now: datetime) -> None:
    """Let this artifact be the newest of its key: the key's record takes the given values."""
    values = {**given, "latest_id": artifact_id, "updated": now}
    change = update(artifact_collections).where(artifact_collections.c.key == given["key"]).values(values)
    if conn.execute(change).rowcount == 0:
        conn.execute(insert(artifact_collections), {"id": new_id(), "created": now, **values})


def by_id(conn: Connection, artifact_id: str) -> RowMapping | None:
    """One artifact."""
    return conn.execute(select(artifacts).where(artifacts.c.id == artifact_id)).mappings().first()


def newest(conn: Connection, key: str) -> RowMapping | None:
    """The record of a key: the values of its newest artifact, under an id of its own."""
    statement = select(artifact_collections).where(artifact_collections.c.key == key)
    return conn.execute(statement).mappings().first()


class Wanted(msgspec.Struct, frozen=True):
    """Which artifacts, or keys by their newest artifact, are asked for.

    `filter` is what is asked of themselves, as criteria.py has it, and `runs` what is asked of the runs around them.
    """

    filter: Mapping[str, Any]
    runs: filters.Criteria


def page(conn: Connection, wanted: Wanted, sort: str, limit: int, offset: int) -> list[dict[str, Any]]:
    """Artifacts."""
    return _page(conn, artifacts, wanted, sort, limit, offset)


def newest_page(conn: Connection, wanted: Wanted, sort: str, limit: int, offset: int) -> list[dict[str, Any]]:
    """The records of keys."""
    return _page(conn, artifact_collections, wanted, sort, limit, offset)


def count(conn: Connection, wanted: Wanted) -> int:
    """How many artifacts there are."""
    return _count(conn, artifacts, wanted)


def newest_count(conn: Connection, wanted: Wanted) -> int:
    """How many keys there are."""
    return _count(conn, artifact_collections, wanted)


def _page(conn: Connection, table: Table, wanted: Wanted, sort: str, limit: int, offset: int) -> list[dict[str, Any]]:
    statement = select(table).where(_condition(table, wanted)).order_by(*_order(table, sort))
    return [dict(row) for row in conn.execute(statement.limit(limit).offset(offset)).mappings()]


def _count(conn: Connection, table: Table, wanted: Wanted) -> int:
    statement = select(func.count()).select_from(table).where(_condition(table, wanted))
    number: int = conn.execute(statement).scalar_one()
    return number


def _condition(table: Table, wanted: Wanted) -> ColumnElement[bool]:
    own = condition(wanted.filter, _CRITERIA[table])
    return and_(own, filters.condition(table, wanted.runs.of_artifacts()))


def change(conn: Connection, artifact_id: str, values: Mapping[str, Any], now: datetime) -> bool:
    """Set the given columns; whether the artifact is the newest of its key, whose record then changes with it."""
    changes = {**values, "updated": now}
    conn.execute(update(artifacts).where(artifacts.c.id == artifact_id).values(changes))
    record = update(artifact_collections).where(artifact_collections.c.latest_id == artifact_id)
    return conn.execute(record.values(changes)).rowcount > 0


def delete_one(conn: Connection, artifact_id: str) -> bool:
    """Delete an artifact, so that the one before it is the newest of its key; whether it existed."""
    artifact = by_id(conn, artifact_id)
    if artifact is None:
        return False
    conn.execute(delete(artifacts).where(artifacts.c.id == artifact_id))
    if artifact["key"] is not None:
        _forget_newest(conn, artifact)
    return True


def _forget_newest(conn: Connection, artifact: RowMapping) -> None:
    others = select(artifacts).where(artifacts.c.key == artifact["key"])
    before = (
        conn.execute(others.order_by(artifacts.c.created.desc(), artifacts.c.id.desc()).limit(1)).mappings().first()
    )
    mine = artifact_collections.c.latest_id == artifact["id"]
    if before is None:
        conn.execute(delete(artifact_collections).where(mine))
    else:
        values = {"latest_id" if name == "id" else name: value for name, value in before.items()}
        conn.execute(update(artifact_collections).where(mine).values(values))
