"""Block types: created, found by id and slug, changed, deleted.

Deleting a type deletes its schemas and documents.
"""

import html
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, insert, select, update

from interlock.storage.queries import flow_runs
from interlock.storage.queries.locks import BLOCKS, hold
from interlock.storage.tables import block_documents, block_types

Values = Mapping[str, Any]


def create(conn: Connection, type_id: str, values: Values, now: datetime) -> RowMapping | None:
    """A new type; None where its slug is taken."""
    hold(conn, BLOCKS, shared=True)
    if by_slug(conn, values["slug"]) is not None:
        return None
    made = {"id": type_id, "created": now, "updated": now, "is_protected": False, **values}
    conn.execute(insert(block_types), made)
    return by_id(conn, type_id)


def by_id(conn: Connection, type_id: str | None) -> RowMapping | None:
    """One type."""
    return _one(conn, block_types.c.id == type_id)


def by_slug(conn: Connection, slug: str) -> RowMapping | None:
    """The type of this slug."""
    return _one(conn, block_types.c.slug == slug)


def _one(conn: Connection, which: ColumnElement[bool]) -> RowMapping | None:
    return conn.execute(select(block_types).where(which)).mappings().first()


def page(conn: Connection, which: ColumnElement[bool], limit: int, offset: int) -> Sequence[RowMapping]:
    """Types by name."""
    query = select(block_types).where(which).order_by(block_types.c.name, block_types.c.id)
    return conn.execute(query.limit(limit).offset(offset)).mappings().all()


def by_ids(conn: Connection, type_ids: set[str]) -> dict[str, RowMapping]:
    """Types by their ids."""
    found = conn.execute(select(block_types).where(block_types.c.id.in_(type_ids))).mappings()
    return {row["id"]: row for row in found}


def change(conn: Connection, type_id: str, values: Values, now: datetime) -> bool:
    """Set the given columns; whether the type exists.

    Clients describe a type anew whenever they use it. What says nothing new leaves it as it is.
    """
    current = by_id(conn, type_id)
    if current is None:
        return False
    if _says_news(values, current):
        conn.execute(update(block_types).where(block_types.c.id == type_id).values(**values, updated=now))
    return True


def _says_news(values: Values, current: RowMapping) -> bool:
    described = ("logo_url", "documentation_url", "description", "code_example")
    return any(x not in values or _plain(x, values[x]) != _plain(x, current[x]) for x in described)


def _plain(column: str, text: str | None) -> str | None:
    """A description without the escapes that it is stored with."""
    return text if text is None or column.endswith("_url") else html.unescape(text)


def delete_one(conn: Connection, type_id: str) -> RowMapping | None:
    """Delete a type with its schemas and documents, unless it is protected; what it was, None where there was none."""
    hold(conn, BLOCKS)
    found = by_id(conn, type_id)
    if found is not None and not found["is_protected"]:
        flow_runs.delete_of_blocks(conn, block_documents.c.block_type_id == type_id)
        conn.execute(delete(block_types).where(block_types.c.id == type_id))
    return found
