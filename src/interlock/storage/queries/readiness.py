"""Whether the database takes writes: the proof is to write.

What lives here: the one row that is written for that. What does not: who asks (api/admin.py).
"""

from datetime import datetime

from sqlalchemy import Connection, insert, update

from interlock.storage.tables import configuration

KEY = "LAST_READY"


def prove(conn: Connection, now: datetime) -> None:
    """Write down when the database last took a write that was only to find out."""
    row = {"key": KEY, "value": {"at": now.isoformat()}}
    if conn.execute(update(configuration).where(configuration.c.key == KEY).values(row)).rowcount == 0:
        conn.execute(insert(configuration), row)
