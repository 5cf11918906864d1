"""What servers make of their own accord when they start at the same time on an empty database."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from interlock.engine.batcher import Batcher
from interlock.server import CHANCE, create_store
from interlock.settings import Settings
from interlock.storage.blocks.system import SYSTEM_TYPES
from interlock.storage.queries import block_document_writes, block_documents, block_schemas, block_types, system_blocks
from interlock.storage.queries.block_document_writes import DocumentDraft
from interlock.storage.queries.block_schemas import SchemaDraft
from interlock.storage.tables import block_schemas as schemas_table
from interlock.storage.tables import block_types as types_table
from interlock.storage.tables import configuration

SERVERS = 10
NOW = datetime(2026, 3, 1, tzinfo=UTC)

Write = Callable[..., Any]


@pytest.fixture
async def batchers(database: str, database_url: str) -> AsyncIterator[list[Batcher]]:
    """Those of as many servers; on the embedded database, that of its one server as many times."""
    count = 1 if database == "sqlite" else SERVERS
    stores = [create_store(Settings(database_url=database_url, database_connections=2)) for _ in range(count)]
    yield [Batcher(x) for x in stores] * (SERVERS // count)
    for store in stores:
        await store.close()


async def at_once(batchers: list[Batcher], write: Write, arguments: list[tuple[Any, ...]]) -> list[Any]:
    """What one of these writes returned at each batcher."""
    return await asyncio.gather(*(x.write(write, *some) for x, some in zip(batchers, arguments, strict=True)))


async def test_the_servers_own_block_types_are_made_once(batchers: list[Batcher]) -> None:
    """Each with one schema, protected, also where clients bring types of these names at the same time.
    (Guards.)"""
    brought: list[tuple[Any, ...]] = [
        (CHANCE.new_id(), {"name": x.name, "slug": x.slug}, NOW) for x in (*SYSTEM_TYPES, *SYSTEM_TYPES)
    ][:SERVERS]
    await asyncio.gather(
        at_once(batchers, system_blocks.install, [(CHANCE.new_id, NOW)] * SERVERS),
        at_once(batchers, block_types.create, brought),
    )
    types, protected, schemas = await batchers[0].write(_counted)
    assert types == protected == len(SYSTEM_TYPES)
    assert schemas == len(SYSTEM_TYPES)


def _counted(conn: Connection) -> tuple[int, int, int]:
    """How many block types there are, how many of these are protected, and how many have a schema."""
    types = select(func.count()).select_from(types_table)
    schemas = select(func.count(schemas_table.c.block_type_id.distinct()))
    statements = (types, types.where(types_table.c.is_protected), schemas)
    first, second, third = (conn.execute(x).scalar_one() for x in statements)
    return first, second, third


async def test_a_database_has_one_key(batchers: list[Batcher]) -> None:
    """All that several servers seal with the first documents there are, each of them can unseal. (Guards.)"""
    type_id = CHANCE.new_id()
    await batchers[0].write(block_types.create, type_id, {"name": "type", "slug": "type"}, NOW)
    schema, _ = await batchers[0].write(block_schemas.register, SchemaDraft(type_id, {}), CHANCE.new_id, NOW)
    drafts: list[tuple[Any, ...]] = [
        (DocumentDraft(f"name-{x}", {"word": str(x)}, schema["id"], type_id, False), CHANCE.new_id, NOW)
        for x in range(SERVERS)
    ]
    made = await at_once(batchers, block_document_writes.create, drafts)
    found = await at_once(batchers, block_documents.by_id, [(x["id"], True) for x in made])
    assert [x["data"] for x in found] == [{"word": str(x)} for x in range(SERVERS)]
    assert await batchers[0].write(_key_count) == 1


def _key_count(conn: Connection) -> int:
    return conn.execute(select(func.count()).select_from(configuration)).scalar_one()
