"""Cache entries: which state a run is to take when it proposes a key.

What lives here: taking out entries that have expired. What does not: making and finding them (ledger.py).
"""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from interlock.storage.tables import task_run_state_cache as entries


def delete_expired(conn: Connection, now: datetime, limit: int) -> int:
    """Delete up to `limit` entries that have expired by now; returns how many."""
    expired = select(entries.c.id).where(entries.c.cache_expiration <= now).limit(limit)
    return conn.execute(delete(entries).where(entries.c.id.in_(expired))).rowcount
