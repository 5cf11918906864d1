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

from interlock.orchestration.facts import TICK
from interlock.orchestration.states import State
from interlock.storage import filters
from interlock.storage.criteria import Criteria, condition, contains, one_of
from interlock.storage.prepared import BulkInsert
from interlock.storage.queries.locks import lock
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
        row |= _made_newest(conn, row, values, new_id)
    conn.execute(insert(artifacts), row)
    made = by_id(conn, row["id"])
    assert made is not None
    return made


def insert_results(conn: Connection, results: Sequence[Result], new_id: NewId) -> None:
    """Keep the data of states as artifacts of their runs, labelled as their clients asked."""
    rows = [_result_row(x, new_id()) for x in results]
    # By their keys, so that two who have the same ones never wait for each other.
    for row in sorted((x for x in rows if x["key"] is not None), key=lambda x: x["key"]):
        # What the client did not label stays as the key's artifact before it had it.
        given = {name: value for name, value in row.items() if name in _GIVEN_BY_RESULTS and value is not None}
        row.update(_made_newest(conn, row, given, new_id))
    _INSERT_RESULT.write(conn, rows)


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


def _made_newest(
    conn: Connection, row: Mapping[str, Any], given: Mapping[str, Any], new_id: NewId
) -> dict[str, datetime]:
    """Let an artifact be the newest of its key, whose record takes the given values; the times of the artifact.

    It is younger than the one before it, also where another server, whose clock is ahead, has just stored that.
    """
    columns = artifact_collections.c
    query = select(columns.id, columns.updated).where(columns.key == given["key"]).with_for_update()
    record = conn.execute(query).first()
    time = row["created"] if record is None else max(row["created"], record.updated + TICK)
    values = {**given, "latest_id": row["id"], "updated": time}
    if record is None:
        conn.execute(insert(artifact_collections), {"id": new_id(), "created": time, **values})
    else:
        conn.execute(update(artifact_collections).where(columns.id == record.id).values(values))
    return {"created": time, "updated": time}


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
    _lock_key(conn, artifact_id)
    changes = {**values, "updated": now}
    conn.execute(update(artifacts).where(artifacts.c.id == artifact_id).values(changes))
    record = update(artifact_collections).where(artifact_collections.c.latest_id == artifact_id)
    return conn.execute(record.values(changes)).rowcount > 0


def delete_one(conn: Connection, artifact_id: str) -> bool:
    """Delete an artifact, so that the one before it is the newest of its key; whether it existed."""
    _lock_key(conn, artifact_id)
    artifact = by_id(conn, artifact_id)
    if artifact is None or conn.execute(delete(artifacts).where(artifacts.c.id == artifact_id)).rowcount == 0:
        return False
    if artifact["key"] is not None:
        _forget_newest(conn, artifact)
    return True


def _lock_key(conn: Connection, artifact_id: str) -> None:
    """Keep others from storing, changing or deleting artifacts of the same key until the end of the transaction."""
    key = select(artifacts.c.key).where(artifacts.c.id == artifact_id).scalar_subquery()
    lock(conn, artifact_collections, artifact_collections.c.key == key)


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
