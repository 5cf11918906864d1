"""Deployments whose runs nobody asks for any more: they are not ready.

What lives here: when. What does not: which (storage/queries/deployment_polls.py).
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from interlock.engine.services import Service, in_one_write
from interlock.storage.queries import deployment_polls


def silent_deployments(patience_seconds: float, every_seconds: float) -> Service:
    """Those that nobody polled for in so many seconds."""

    def step(conn: Connection, now: datetime, limit: int) -> int:
        return deployment_polls.forget_silent(conn, now, timedelta(seconds=patience_seconds), limit)

    return Service(name="silent deployments", every_seconds=every_seconds, batch=100, step=in_one_write(step))
