"""The server's own block types, put into the database."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, select, update

from interlock.storage.blocks.system import SYSTEM_TYPES, SystemType
from interlock.storage.queries import block_schemas, block_types
from interlock.storage.queries.block_schemas import SchemaDraft
from interlock.storage.queries.locks import BLOCKS, hold
from interlock.storage.tables import block_schemas as schemas_table
from interlock.storage.tables import block_types as types_table


def install(conn: Connection, new_id: Callable[[], str], now: datetime) -> None:
    """Have each of the types, protected from deletion. What clients have said of one stays."""
    hold(conn, BLOCKS)
    for system_type in SYSTEM_TYPES:
        type_id = _protected_type(conn, system_type, new_id, now)
        if not _has_schema(conn, type_id):
            draft = SchemaDraft(type_id, system_type.fields(), system_type.capabilities)
            block_schemas.register(conn, draft, new_id, now)


def _protected_type(conn: Connection, system_type: SystemType, new_id: Callable[[], str], now: datetime) -> str:
    existing = block_types.by_slug(conn, system_type.slug)
    if existing is None:
        values = {"name": system_type.name, "slug": system_type.slug, "description": system_type.description}
        made = block_types.create(conn, new_id(), {**values, "is_protected": True}, now)
        assert made is not None
        return str(made["id"])
    if not existing["is_protected"]:
        protect = update(types_table).where(types_table.c.id == existing["id"])
        conn.execute(protect.values(is_protected=True, updated=now))
    return str(existing["id"])


def _has_schema(conn: Connection, type_id: str) -> bool:
    query = select(schemas_table.c.id).where(schemas_table.c.block_type_id == type_id).limit(1)
    return conn.execute(query).first() is not None
