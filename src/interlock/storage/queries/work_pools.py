"""Work pools: made, read, changed, deleted; and those that flow runs are in, by the queues that these wait in.

What lives here: statements on pools. What does not: their queues (work_queues.py), their workers (workers.py), and what
is handed to these (work_polls.py).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from interlock.orchestration.runs import FlowRun
from interlock.storage.filters import Criterion, condition
from interlock.storage.queries import workers
from interlock.storage.queries.locks import lock
from interlock.storage.queries.work_queue_members import let_go
from interlock.storage.tables import work_pools, work_queues

DEFAULT_POOL = "default-agent-pool"
"""The pool of queues that name none."""

DEFAULT_QUEUE = "default"
AGENT_TYPE = "prefect-agent"
"""The type of pools that agents poll. Clients are not told the status of these."""

READY, NOT_READY, PAUSED = "READY", "NOT_READY", "PAUSED"

NewId = Callable[[], str]


class WorkPool(msgspec.Struct, frozen=True):
    """A work pool, and the queue in it that is meant."""

    id: str
    name: str
    queue_name: str


class FlowRunInPool(msgspec.Struct, frozen=True):
    """A flow run, and the pool of its work queue, None where it is in none."""

    run: FlowRun
    pool: WorkPool | None


def with_pools(conn: Connection, runs: Sequence[FlowRun]) -> list[FlowRunInPool]:
    """The runs with their pools, in the same order."""
    queues = {x.work_queue_id for x in runs if x.work_queue_id is not None}
    # Most runs are in no queue: then there is nothing to ask for.
    pools = _pools_of(conn, queues) if queues else {}
    return [FlowRunInPool(x, pools.get(x.work_queue_id or "")) for x in runs]


def _pools_of(conn: Connection, queues: set[str]) -> dict[str, WorkPool]:
    joined = work_queues.join(work_pools, work_pools.c.id == work_queues.c.work_pool_id)
    columns = (work_queues.c.id, work_pools.c.id, work_pools.c.name, work_queues.c.name)
    found = conn.execute(select(*columns).select_from(joined).where(work_queues.c.id.in_(queues)))
    return {queue_id: WorkPool(*pool) for queue_id, *pool in found}


def by_name(conn: Connection, name: str) -> RowMapping | None:
    """One pool."""
    return conn.execute(select(work_pools).where(work_pools.c.name == name)).mappings().first()


def of_queue(conn: Connection, queue_id: str) -> RowMapping | None:
    """The pool that a queue is in."""
    joined = work_pools.join(work_queues, work_queues.c.work_pool_id == work_pools.c.id)
    return conn.execute(select(work_pools).select_from(joined).where(work_queues.c.id == queue_id)).mappings().first()


def page(conn: Connection, criterion: Criterion, limit: int, offset: int) -> Sequence[RowMapping]:
    """Pools that meet a criterion, by name."""
    statement = select(work_pools).where(condition(work_pools, criterion)).order_by(work_pools.c.name)
    return conn.execute(statement.limit(limit).offset(offset)).mappings().all()


def count(conn: Connection, criterion: Criterion) -> int:
    """How many pools meet a criterion."""
    statement = select(func.count()).select_from(work_pools).where(condition(work_pools, criterion))
    return conn.execute(statement).scalar_one()


def create(conn: Connection, values: Mapping[str, Any], new_id: NewId, now: datetime) -> RowMapping:
    """Make a pool with its default queue; raises IntegrityError where its name is taken."""
    pool_id, queue_id = new_id(), new_id()
    made = {"created": now, "updated": now}
    paused = values["is_paused"] and values["type"] != AGENT_TYPE
    pool = {"id": pool_id, "default_queue_id": queue_id, "status": PAUSED if paused else NOT_READY}
    conn.execute(insert(work_pools), made | pool | dict(values))
    queue = {"id": queue_id, "name": DEFAULT_QUEUE, "description": "The work pool's default queue.", "priority": 1}
    place = {"work_pool_id": pool_id, "is_paused": False, "status": NOT_READY}
    conn.execute(insert(work_queues), made | queue | place)
    return _by_id(conn, pool_id)


def create_default(conn: Connection, new_id: NewId, now: datetime) -> RowMapping:
    """Make the pool of queues that name none, which somebody has deleted."""
    values = {"name": DEFAULT_POOL, "type": AGENT_TYPE, "base_job_template": {}, "is_paused": False}
    return create(conn, values | {"storage_configuration": {}}, new_id, now)


def _by_id(conn: Connection, pool_id: str) -> RowMapping:
    return conn.execute(select(work_pools).where(work_pools.c.id == pool_id)).mappings().one()


def change(
    conn: Connection, name: str, values: Mapping[str, Any], now: datetime, online_since: workers.OnlineSince
) -> bool:
    """Set the given columns; whether the pool exists. One that goes on is ready if it has workers."""
    lock(conn, work_pools, work_pools.c.name == name)
    pool = by_name(conn, name)
    if pool is None:
        return False
    if "is_paused" in values and pool["type"] != AGENT_TYPE:
        ready = READY if workers.any_online(conn, pool["id"], online_since) else NOT_READY
        values = {**values, "status": PAUSED if values["is_paused"] else ready}
    conn.execute(update(work_pools).where(work_pools.c.id == pool["id"]).values(**values, updated=now))
    return True


def delete_one(conn: Connection, name: str) -> bool:
    """Delete a pool with its queues and workers; whether it existed. Deployments and runs stay, in no queue."""
    pool = by_name(conn, name)
    if pool is None:
        return False
    queues = conn.execute(select(work_queues.c.id).where(work_queues.c.work_pool_id == pool["id"])).scalars().all()
    let_go(conn, queues)
    return conn.execute(delete(work_pools).where(work_pools.c.id == pool["id"])).rowcount > 0
