"""Deployments that are served: what a process that serves them is to run next, and whether it still asks.

What lives here: the runs that wait, and the status that follows from the last poll. What does not: other statements on
deployments (deployments.py).
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, and_, or_, select, text, update

from interlock.storage import rows
from interlock.storage.queries.flow_runs import WAITING
from interlock.storage.queries.locks import locked_ids
from interlock.storage.queries.work_pools import NOT_READY, READY, FlowRunInPool, with_pools
from interlock.storage.tables import deployments, flow_runs, work_queues

IS_READY = text("deployments.status = 'READY'")
"""As a partial index has it, word by word."""

END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)


def waiting(
    conn: Connection, deployment_ids: Collection[str], before: datetime | None, limit: int
) -> list[FlowRunInPool]:
    """So many scheduled runs of these deployments, of all times or up to one, in the order of their times."""
    time = flow_runs.c.next_scheduled_start_time
    # With a bound in any case, so that SQLite takes the index that has the times.
    wanted = and_(WAITING, flow_runs.c.deployment_id.in_(deployment_ids), time <= (before or END_OF_TIME))
    ids = select(flow_runs.c.id).where(wanted)
    order = (time, flow_runs.c.id)
    statement = rows.select_flow_runs().where(flow_runs.c.id.in_(ids.order_by(*order).limit(limit))).order_by(*order)
    return with_pools(conn, [rows.flow_run(row) for row in conn.execute(statement)])


def unnoted(conn: Connection, deployment_ids: Collection[str], since: datetime) -> list[str]:
    """Those of these deployments whose row does not tell yet that they are ready and were asked for `since` then."""
    is_noted = and_(deployments.c.status == READY, deployments.c.last_polled >= since)
    wanted = select(deployments.c.id).where(deployments.c.id.in_(deployment_ids), is_noted.is_not(True))
    return list(conn.execute(wanted).scalars())


def note_poll(conn: Connection, deployment_ids: Collection[str], now: datetime) -> None:
    """Note that runs of these deployments were asked for. That is no change of them."""
    ids = locked_ids(conn, deployments, deployments.c.id.in_(deployment_ids))
    conn.execute(update(deployments).where(deployments.c.id.in_(ids)).values(status=READY, last_polled=now))


def forget_silent(conn: Connection, now: datetime, patience: timedelta, limit: int) -> int:
    """Mark so many deployments as not ready whose runs nobody asked for in so long, neither by the deployment nor by
    its queue; how many."""
    before, queue = now - patience, work_queues.c.last_polled
    silent = (
        select(deployments.c.id)
        .outerjoin(work_queues, work_queues.c.id == deployments.c.work_queue_id)
        .where(IS_READY, deployments.c.last_polled < before, or_(queue.is_(None), queue < before))
        .limit(limit)
    )
    ids = locked_ids(conn, deployments, deployments.c.id.in_(list(conn.execute(silent).scalars())))
    still = and_(deployments.c.id.in_(ids), deployments.c.last_polled < before)
    return conn.execute(update(deployments).where(still).values(status=NOT_READY)).rowcount
