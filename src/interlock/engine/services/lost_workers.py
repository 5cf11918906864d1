"""Task workers and servers that are gone: what they had in hand goes back to the queue.

What lives here: how it is told that they are gone. What does not: what goes back (storage/queries/task_workers.py), and
runs that a worker had begun (stuck_task_runs.py).
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from interlock.engine.services import Service, in_one_write
from interlock.storage.queries import task_workers

LOOKS = 4
"""A server whose heart has not beaten for so many looks, one a second, is dead. Counted in looks instead of by the
clock: clocks differ, and while the database is away nobody can say that he lives."""


def lost_workers(grace_seconds: float) -> Service:
    """Workers that went `grace_seconds` ago: what they acknowledged and did not begin goes back."""

    def step(conn: Connection, now: datetime, limit: int) -> int:
        return task_workers.forget(conn, now - timedelta(seconds=grace_seconds), limit)

    return Service(name="lost task workers", every_seconds=1, batch=100, step=in_one_write(step))


def lost_servers() -> Service:
    """Servers that died: their workers are gone, and what these had in flight goes back at once."""
    return Service(name="lost servers", every_seconds=1, batch=1000, step=in_one_write(_Watch().look))


class _Watch:
    """Remembers what it saw: whoever leads anew begins anew."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int]] = {}

    def look(self, conn: Connection, now: datetime, limit: int) -> int:
        """Look at all servers once; returns how many were dead."""
        beats = task_workers.heartbeats(conn)
        self._seen = {server_id: self._count(server_id, beat) for server_id, beat in beats.items()}
        dead = [server_id for server_id, (_, looks) in self._seen.items() if looks >= LOOKS][:limit]
        for server_id in dead:
            task_workers.remove_server(conn, server_id, now)
        return len(dead)

    def _count(self, server_id: str, beat: int) -> tuple[int, int]:
        """The beat, and at how many looks in a row it was the same."""
        before, looks = self._seen.get(server_id, (beat, 0))
        return beat, looks + 1 if beat == before else 1
