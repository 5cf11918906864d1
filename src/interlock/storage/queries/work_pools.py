"""The work pools that flow runs are in, by the queues that these wait in."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, select

from interlock.orchestration.runs import FlowRun
from interlock.storage.tables import work_pools, work_queues


class WorkPool(msgspec.Struct, frozen=True):
    """A work pool."""

    id: str
    name: str


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
    statement = select(work_queues.c.id, work_pools.c.id, work_pools.c.name).select_from(joined)
    found = conn.execute(statement.where(work_queues.c.id.in_(queues)))
    return {queue_id: WorkPool(pool_id, name) for queue_id, pool_id, name in found}
