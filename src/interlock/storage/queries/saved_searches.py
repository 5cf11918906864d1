"""Saved searches: kept by name for the dashboard."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, insert, select, update

from interlock.storage.tables import saved_searches


def create_or_replace(
    conn: Connection, search_id: str, name: str, filters: list[dict[str, Any]], now: datetime
) -> tuple[RowMapping, bool]:
    """The search of this name with these filters, made under `search_id` if there is none; and whether it was made."""
    change = update(saved_searches).where(saved_searches.c.name == name).values(filters=filters)
    made = conn.execute(change).rowcount == 0
    if made:
        values = {"id": search_id, "created": now, "updated": now, "name": name, "filters": filters}
        conn.execute(insert(saved_searches), values)
    search = _one(conn, saved_searches.c.name == name)
    assert search is not None
    return search, made


def by_id(conn: Connection, search_id: str) -> RowMapping | None:
    """One saved search."""
    return _one(conn, saved_searches.c.id == search_id)


def page(conn: Connection, limit: int, offset: int) -> Sequence[RowMapping]:
    """Saved searches by name."""
    return (
        conn.execute(select(saved_searches).order_by(saved_searches.c.name).limit(limit).offset(offset))
        .mappings()
        .all()
    )


def delete_one(conn: Connection, search_id: str) -> bool:
    """Delete a saved search; whether it existed."""
    return conn.execute(delete(saved_searches).where(saved_searches.c.id == search_id)).rowcount > 0


def _one(conn: Connection, condition: ColumnElement[bool]) -> RowMapping | None:
    return conn.execute(select(saved_searches).where(condition)).mappings().first()
