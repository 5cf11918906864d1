"""Workers: their heartbeats, and who of them is there.

What lives here: statements on workers. What does not: what they are handed (work_polls.py).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    case,
    delete,
    exists,
    func,
    literal,
    not_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from interlock.storage.criteria import Criteria, condition
from interlock.storage.expressions import microseconds_after
from interlock.storage.tables import work_pools, workers
from interlock.storage.types import UtcTime

ONLINE, OFFLINE = "ONLINE", "OFFLINE"

OnlineSince = Callable[[], ColumnElement[bool]]
"""Makes the condition that a worker is online."""


def online(now: datetime, heartbeat_seconds: float, missed: int) -> OnlineSince:
    """Workers that have not missed so many heartbeats by now."""
    return lambda: not_(_silent(now, heartbeat_seconds, missed))


def _silent(now: datetime, heartbeat_seconds: float, missed: int) -> ColumnElement[bool]:
    seconds = func.coalesce(workers.c.heartbeat_interval_seconds, heartbeat_seconds)
    return microseconds_after(workers.c.last_heartbeat_time, seconds * (missed * 1_000_000)) <= literal(now, UtcTime)


def heartbeat(
    conn: Connection, pool_name: str, name: str, interval_seconds: int | None, new_id: str, now: datetime
) -> bool:
    """Note that a worker lives, making it under `new_id` where it is new; whether there is such a pool."""
    statement = select(work_pools.c.id, work_pools.c.status).where(work_pools.c.name == pool_name)
    pool = conn.execute(statement).first()
    if pool is None:
        return False
    beat: dict[str, Any] = {"last_heartbeat_time": now, "status": ONLINE, "updated": now}
    if interval_seconds is not None:
        beat["heartbeat_interval_seconds"] = interval_seconds
    kind = postgresql if conn.dialect.name == "postgresql" else sqlite
    made = kind.insert(workers).values(id=new_id, created=now, work_pool_id=pool.id, name=name, **beat)
    conn.execute(made.on_conflict_do_update(index_elements=[workers.c.work_pool_id, workers.c.name], set_=beat))
    if pool.status == "NOT_READY":
        ready = and_(work_pools.c.id == pool.id, work_pools.c.status == "NOT_READY")
        conn.execute(update(work_pools).where(ready).values(status="READY", updated=now))
    return True


def page(
    conn: Connection, pool_id: str, wanted: Mapping[str, Any], online_since: OnlineSince, limit: int, offset: int
) -> Sequence[RowMapping]:
    """Workers of a pool that fit, the last heard of first, each with its `status` at this moment."""
    status = case((online_since(), ONLINE), else_=OFFLINE)
    columns = (x for x in workers.c if x is not workers.c.status)
    fits = condition(wanted, _criteria(status))
    statement = select(*columns, status.label("status")).where(workers.c.work_pool_id == pool_id, fits)
    ordered = statement.order_by(workers.c.last_heartbeat_time.desc(), workers.c.id)
    return conn.execute(ordered.limit(limit).offset(offset)).mappings().all()


def _criteria(status: ColumnElement[str]) -> Criteria:
    heard = workers.c.last_heartbeat_time
    return {
        "last_heartbeat_time": {"before_": lambda x: heard <= x, "after_": lambda x: heard >= x},
        "status": {"any_": status.in_, "not_any_": status.not_in},
    }


def any_online(conn: Connection, pool_id: str, online_since: OnlineSince) -> bool:
    """Whether a pool has a worker that is there."""
    found = select(workers.c.id).where(workers.c.work_pool_id == pool_id, online_since()).limit(1)
    return conn.execute(found).first() is not None


def delete_one(conn: Connection, pool_name: str, name: str) -> bool:
    """Forget a worker; whether there was one."""
    pool_id = select(work_pools.c.id).where(work_pools.c.name == pool_name).scalar_subquery()
    return conn.execute(delete(workers).where(workers.c.work_pool_id == pool_id, workers.c.name == name)).rowcount > 0


def mark_offline(conn: Connection, now: datetime, heartbeat_seconds: float, missed: int, limit: int) -> int:
    """Mark so many workers OFFLINE that have missed their heartbeats; how many."""
    silent = and_(workers.c.status == ONLINE, _silent(now, heartbeat_seconds, missed))
    chosen = select(workers.c.id).where(silent).limit(limit).scalar_subquery()
    marked = update(workers).where(workers.c.id.in_(chosen), silent).values(status=OFFLINE, updated=now)
    return conn.execute(marked).rowcount


def mark_pools_not_ready(conn: Connection, now: datetime, limit: int) -> int:
    """Mark so many READY pools NOT_READY that have no worker online; how many."""
    served = exists().where(workers.c.work_pool_id == work_pools.c.id, workers.c.status == ONLINE)
    unserved = and_(work_pools.c.status == "READY", not_(served))
    chosen = select(work_pools.c.id).where(unserved).limit(limit).scalar_subquery()
    marked = update(work_pools).where(work_pools.c.id.in_(chosen), unserved).values(status="NOT_READY", updated=now)
    return conn.execute(marked).rowcount
