"""Logs of runs: stored in batches, read in pages."""

from typing import Any

from sqlalchemy import Connection, insert

from interlock.storage.tables import logs

_INSERT = insert(logs)


def insert_many(conn: Connection, lines: list[dict[str, Any]]) -> None:
    """Store lines, each with all columns."""
    if lines:
        conn.execute(_INSERT, lines)
