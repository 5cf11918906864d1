"""Who is there to run flows: workers, pools, queues and deployments that nobody has heard of for a while are marked.

What lives here: when, and after how long. What does not: how (storage/queries/workers.py, work_polls.py,
deployment_polls.py). A worker's
heartbeat, and polls, make them ready again.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from interlock.engine.services import Service, in_one_write
from interlock.storage.queries import deployment_polls, work_polls, workers

EVERY_SECONDS = 5


def silent_workers(heartbeat_seconds: float, missed: int) -> Service:
    """Workers go OFFLINE that have missed so many heartbeats. `heartbeat_seconds` is how often those are expected that
    don't say."""

    def step(conn: Connection, now: datetime, limit: int) -> int:
        return workers.mark_offline(conn, now, heartbeat_seconds, missed, limit)

    return Service(name="silent workers", every_seconds=EVERY_SECONDS, batch=100, step=in_one_write(step))


UNSERVED_POOLS = Service(
    name="unserved work pools",
    every_seconds=EVERY_SECONDS,
    batch=100,
    step=in_one_write(workers.mark_pools_not_ready),
)
"""Pools without a worker that is ONLINE are NOT_READY."""


def unpolled_queues(seconds: float) -> Service:
    """Queues are NOT_READY that nobody has polled for so long."""

    def step(conn: Connection, now: datetime, limit: int) -> int:
        return work_polls.mark_queues_not_ready(conn, now - timedelta(seconds=seconds), limit)

    return Service(name="unpolled work queues", every_seconds=EVERY_SECONDS, batch=100, step=in_one_write(step))


def unpolled_deployments(seconds: float) -> Service:
    """Deployments are NOT_READY whose runs nobody has asked for, nor polled their queues, for so long."""

    def step(conn: Connection, now: datetime, limit: int) -> int:
        return deployment_polls.forget_silent(conn, now, timedelta(seconds=seconds), limit)

    return Service(name="unpolled deployments", every_seconds=EVERY_SECONDS, batch=100, step=in_one_write(step))
