"""Work on a real database that takes as long as a test wants."""

import threading

from sqlalchemy import Connection, text

from tests.overload.http import SECONDS


def one(conn: Connection) -> int:
    """Work that takes no time."""
    return int(conn.execute(text("SELECT 1")).scalar_one())


class Slow:
    """A query or write on SQLite that goes on until `may_end` is set; each that has begun releases `begun` once."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Event()

    def __call__(self, conn: Connection) -> int:
        self.begun.release()
        assert self.may_end.wait(SECONDS)
        return one(conn)
