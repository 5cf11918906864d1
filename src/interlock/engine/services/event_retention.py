"""Events go when they are old: there is one for each state of each run, and they would pile up.

What lives here: when. What does not: which (storage/queries/events.py). The states themselves stay with their runs.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from interlock.engine.services import Service, in_one_write
from interlock.storage.queries import events


def event_retention(days: float) -> Service:
    """Removes events that were received so many days ago."""

    def remove(conn: Connection, now: datetime, limit: int) -> int:
        return events.remove_old(conn, now - timedelta(days=days), limit)

    return Service(name="event retention", every_seconds=60, batch=1000, step=in_one_write(remove))
