"""How much waits in each work queue, and since when.

What lives here: the sums over all queues at once. What does not: which runs are offered (work_polls.py).
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, Subquery, and_, case, func, select

from interlock.orchestration.states import StateType
from interlock.orchestration.work_queues import BUSY
from interlock.storage.tables import flow_runs, work_pools, work_queues

COUNTED = (StateType.SCHEDULED, *sorted(BUSY))


def of_all(conn: Connection, now: datetime, limit: int) -> Sequence[RowMapping]:
    """Queues with runs that wait, are for later or are under way, those with most that wait first.

    Beside the queue's own: `due`, `delayed` and `busy`, numbers of runs, and `oldest`, the time for which the run was
    scheduled that has waited longest.
    """
    sums = _sums(now)
    queue = (work_queues.c[x] for x in ("id", "name", "is_paused", "concurrency_limit", "last_polled", "status"))
    pool = (work_pools.c.name.label("work_pool_name"), work_pools.c.is_paused.label("pool_is_paused"))
    joined = work_queues.join(sums, sums.c.id == work_queues.c.id).join(
        work_pools, work_pools.c.id == work_queues.c.work_pool_id
    )
    counted = (sums.c[x] for x in ("due", "delayed", "busy", "oldest"))
    statement = select(*queue, *pool, *counted).select_from(joined)
    return conn.execute(statement.order_by(sums.c.due.desc(), work_queues.c.id).limit(limit)).mappings().all()


def _sums(now: datetime) -> Subquery:
    """Queue by queue, each a few steps into the index: what has ended is passed over."""
    waits = flow_runs.c.state_type == StateType.SCHEDULED
    due = and_(waits, flow_runs.c.next_scheduled_start_time <= now)
    queues = work_queues.alias()
    counts = and_(flow_runs.c.work_queue_id == queues.c.id, flow_runs.c.state_type.in_(COUNTED))
    return (
        select(
            queues.c.id,
            _number_of(due).label("due"),
            _number_of(and_(waits, flow_runs.c.next_scheduled_start_time > now)).label("delayed"),
            _number_of(flow_runs.c.state_type.in_(BUSY)).label("busy"),
            func.min(case((due, flow_runs.c.next_scheduled_start_time))).label("oldest"),
        )
        .join(flow_runs, counts)
        .group_by(queues.c.id)
        .subquery()
    )


def _number_of(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))
