"""The sums over runs: changes of late are folded into what is kept.

What lives here: when. What does not: how (storage/sums.py, storage/tag_sums.py).
"""

from datetime import datetime

from sqlalchemy import Connection

from interlock.engine.services import Service, in_one_write
from interlock.storage import sums, tag_sums


def _fold(conn: Connection, now: datetime, limit: int) -> int:
    """All that there is, which is what came since the last time. Nothing that a log should tell of."""
    sums.fold(conn)
    tag_sums.fold(conn)
    return 0


RUN_SUMS = Service(name="run sums", every_seconds=1, batch=1, step=in_one_write(_fold))
