"""Work queues: made, found, changed, deleted, and those that deployments and runs are put into by name.

What lives here: statements on queues. What does not: the order that priorities make (orchestration/work_queues.py), and
what waits in queues (work_polls.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, delete, func, insert, select, true, update

from interlock.orchestration.work_queues import Ranked, free_priority, with_priority
from interlock.storage.filters import Criterion, condition
from interlock.storage.queries import work_pools as pools
from interlock.storage.queries.locks import lock
from interlock.storage.queries.work_pools import DEFAULT_POOL, DEFAULT_QUEUE, NOT_READY, PAUSED, READY, NewId
from interlock.storage.queries.work_queue_members import let_go
from interlock.storage.tables import work_pools, work_queues


class NoPoolError(Exception):
    """There is no work pool of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f'Work pool "{name}" not found.')


class DefaultQueueError(Exception):
    """The default queue of a pool goes only with the pool."""


class Place(NamedTuple):
    """Where a deployment or a run is put: the names of a pool and of a queue in it. One of them may be missing: then
    that is the pool of queues that name none, or the default queue of the pool."""

    pool: str | None
    queue: str | None


def put(conn: Connection, place: Place, new_id: NewId, now: datetime) -> str:
    """The queue's id at a place; the queue is made where it is not there. Raises NoPoolError where the pool is not."""
    if not place.pool:
        return _in_default_pool(conn, place.queue or DEFAULT_QUEUE, new_id, now)
    pool = pools.by_name(conn, place.pool)
    if pool is None:
        raise NoPoolError(place.pool)
    if not place.queue:
        return str(pool["default_queue_id"])
    return _found_or_made(conn, pool, place.queue, None, new_id, now)


def _in_default_pool(conn: Connection, name: str, new_id: NewId, now: datetime) -> str:
    pool = pools.by_name(conn, DEFAULT_POOL) or pools.create_default(conn, new_id, now)
    if name == DEFAULT_QUEUE and named(conn, pool["name"], name) is None:
        return str(pool["default_queue_id"])
    # A queue that comes with its deployment goes before those that were there.
    return _found_or_made(conn, pool, name, 1, new_id, now)


def _found_or_made(
    conn: Connection, pool: RowMapping, name: str, priority: int | None, new_id: NewId, now: datetime
) -> str:
    found = named(conn, pool["name"], name)
    if found is None:
        # Another may be making it.
        lock(conn, work_pools, work_pools.c.id == pool["id"])
        found = named(conn, pool["name"], name)
    if found is None:
        values = {"name": name, "description": "", "is_paused": False, "priority": priority}
        found = create(conn, pool["id"], values, new_id(), now)
    return str(found["id"])


def _with_pool() -> Select[Any]:
    joined = work_queues.join(work_pools, work_pools.c.id == work_queues.c.work_pool_id)
    return select(work_queues, work_pools.c.name.label("work_pool_name")).select_from(joined)


def by_id(conn: Connection, queue_id: str) -> RowMapping | None:
    """One queue, with its `work_pool_name`."""
    return _first(conn, work_queues.c.id == queue_id)


def named(conn: Connection, pool_name: str, name: str) -> RowMapping | None:
    """The queue of this name in a pool, with its `work_pool_name`."""
    return _first(conn, and_(work_pools.c.name == pool_name, work_queues.c.name == name))


def _first(conn: Connection, wanted: ColumnElement[bool]) -> RowMapping | None:
    return conn.execute(_with_pool().where(wanted)).mappings().first()


def by_ids(conn: Connection, ids: Iterable[str]) -> dict[str, RowMapping]:
    """Queues by their ids, each with its `work_pool_name`."""
    wanted = set(ids)
    found = conn.execute(_with_pool().where(work_queues.c.id.in_(wanted))).mappings() if wanted else ()
    return {row["id"]: row for row in found}


def page(conn: Connection, criterion: Criterion, limit: int, offset: int) -> Sequence[RowMapping]:
    """Queues of all pools that meet a criterion, by name."""
    return _page(conn, condition(work_queues, criterion), work_queues.c.name, limit, offset)


def page_of_pool(conn: Connection, pool_id: str, criterion: Criterion, limit: int, offset: int) -> Sequence[RowMapping]:
    """Queues of a pool that meet a criterion, by priority."""
    wanted = and_(work_queues.c.work_pool_id == pool_id, condition(work_queues, criterion))
    return _page(conn, wanted, work_queues.c.priority, limit, offset)


def _page(
    conn: Connection, wanted: ColumnElement[bool], order: ColumnElement[Any], limit: int, offset: int
) -> Sequence[RowMapping]:
    statement = _with_pool().where(wanted).order_by(order, work_queues.c.id)
    return conn.execute(statement.limit(limit).offset(offset)).mappings().all()


def with_filters(conn: Connection) -> Sequence[RowMapping]:
    """The queues that have a filter, by name."""
    wanted = _with_pool().where(work_queues.c.filter.is_not(None)).order_by(work_queues.c.name, work_queues.c.id)
    return conn.execute(wanted).mappings().all()


def count_of_pool(conn: Connection, pool_id: str) -> int:
    """How many queues a pool has."""
    statement = select(func.count()).select_from(work_queues).where(work_queues.c.work_pool_id == pool_id)
    return conn.execute(statement).scalar_one()


def create(conn: Connection, pool_id: str, values: Mapping[str, Any], queue_id: str, now: datetime) -> RowMapping:
    """Make a queue in a pool, with the first free priority where none is given; others make way for one that is.

    Raises IntegrityError where its name is taken.
    """
    lock(conn, work_pools, work_pools.c.id == pool_id)
    ranked = _ranked(conn, pool_id)
    wanted = values.get("priority") or free_priority([x.priority for x in ranked])
    made = {"id": queue_id, "created": now, "updated": now, "work_pool_id": pool_id, "status": NOT_READY}
    conn.execute(insert(work_queues), made | dict(values) | {"priority": wanted})
    _rank(conn, ranked, queue_id, wanted, now)
    found = by_id(conn, queue_id)
    assert found is not None
    return found


def create_standalone(conn: Connection, values: Mapping[str, Any], new_id: NewId, now: datetime) -> RowMapping:
    """Make a queue in the pool of queues that name none; raises IntegrityError where its name is taken."""
    pool = pools.by_name(conn, DEFAULT_POOL)
    if pool is None:
        pool = pools.create_default(conn, new_id, now)
        if values["name"] == DEFAULT_QUEUE:
            # It came with the pool.
            given = {name: x for name, x in values.items() if x is not None}
            change(conn, work_queues.c.id == pool["default_queue_id"], given, now, timedelta())
            found = by_id(conn, pool["default_queue_id"])
            assert found is not None
            return found
    return create(conn, pool["id"], values, new_id(), now)


def _ranked(conn: Connection, pool_id: str) -> list[Ranked]:
    of_pool = work_queues.c.work_pool_id == pool_id
    return [Ranked(*row) for row in conn.execute(select(work_queues.c.id, work_queues.c.priority).where(of_pool))]


def _rank(conn: Connection, ranked: Sequence[Ranked], queue_id: str, priority: int, now: datetime) -> None:
    for x in with_priority(ranked, queue_id, priority):
        values = {"priority": x.priority, "updated": now}
        conn.execute(update(work_queues).where(work_queues.c.id == x.id).values(values))


def change(
    conn: Connection, which: ColumnElement[bool], values: Mapping[str, Any], now: datetime, polled_within: timedelta
) -> bool:
    """Set the given columns of a queue; whether it exists. Other queues make way for a new priority, and a queue that
    goes on is ready if it was polled within that time.

    Raises IntegrityError where the new name is taken.
    """
    queue = _first(conn, which)
    if queue is None:
        return False
    if values.get("priority") is not None:
        lock(conn, work_pools, work_pools.c.id == queue["work_pool_id"])
        _rank(conn, _ranked(conn, queue["work_pool_id"]), queue["id"], values["priority"], now)
    status = _status_after(queue, values, now - polled_within)
    conn.execute(update(work_queues).where(work_queues.c.id == queue["id"]).values(**{**values, **status}, updated=now))
    return True


def _status_after(queue: RowMapping, values: Mapping[str, Any], recent: datetime) -> dict[str, str]:
    if values.get("is_paused"):
        return {"status": PAUSED}
    if "is_paused" not in values or queue["status"] != PAUSED:
        return {}
    polled = values.get("last_polled") or queue["last_polled"]
    return {"status": READY if polled is not None and polled >= recent else NOT_READY}


def in_pool(pool_name: str, name: str) -> ColumnElement[bool]:
    """Which queue: the one of this name in the pool."""
    return and_(work_pools.c.name == pool_name, work_queues.c.name == name)


def with_id(queue_id: str) -> ColumnElement[bool]:
    """Which queue: the one of this id."""
    return work_queues.c.id == queue_id


def delete_one(conn: Connection, which: ColumnElement[bool]) -> bool:
    """Delete a queue; whether it existed. Deployments and runs stay, in no queue. Raises DefaultQueueError."""
    queue = _first(conn, which)
    if queue is None:
        return False
    default = select(work_pools.c.id).where(work_pools.c.default_queue_id == queue["id"])
    if conn.execute(default).first() is not None:
        raise DefaultQueueError("Can't delete a pool's default queue.")
    let_go(conn, [queue["id"]])
    return conn.execute(delete(work_queues).where(work_queues.c.id == queue["id"])).rowcount > 0


def all_of_pool(conn: Connection, pool_id: str, names: Sequence[str] | None) -> Sequence[RowMapping]:
    """The queues of a pool of these names, or all of them, by priority."""
    wanted = and_(work_queues.c.work_pool_id == pool_id, work_queues.c.name.in_(names) if names else true())
    return conn.execute(_with_pool().where(wanted).order_by(work_queues.c.priority, work_queues.c.id)).mappings().all()
