"""The schema over time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Connection, inspect, text

from interlock.server import create_store
from interlock.settings import Settings
from interlock.storage import migrations
from interlock.storage.store import NewerDatabaseError, Store
from interlock.storage.tables import metadata
from tests.databases import Databases

NEWEST = migrations.known_revisions()[-1]


@pytest.fixture
async def empty(databases: Databases) -> AsyncIterator[list[Store]]:
    """Three stores on a database without any schema; none of them is started."""
    url = databases.create_empty()
    stores = [create_store(Settings(database_url=url)) for _ in range(3)]
    yield stores
    for store in stores:
        await store.close()
    databases.drop(url)


def description(conn: Connection) -> dict[str, Any]:
    """All that the database says about each table: columns, keys, constraints and indexes."""
    schema = inspect(conn)
    return {
        table: {
            "columns": [{**column, "type": repr(column["type"])} for column in schema.get_columns(table)],
            "key": schema.get_pk_constraint(table),
            "references": by_name(schema.get_foreign_keys(table)),
            "unique": by_name(schema.get_unique_constraints(table)),
            "indexes": by_name(schema.get_indexes(table)),
        }
        for table in schema.get_table_names()
        if table != migrations.VERSION_TABLE
    }


def by_name(parts: Any) -> dict[str, Any]:
    return {part["name"]: part | {"dialect_options": str_of_each(part.get("dialect_options", {}))} for part in parts}


def str_of_each(options: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in options.items()}


async def test_the_steps_lead_to_the_schema_of_today(empty: list[Store]) -> None:
    """What the migrations make is what tables.py declares: every column, key, constraint and index."""
    first = empty[0]
    await first.administer(migrations.upgrade_if_needed)
    stepwise = await first.administer(description)
    assert await first.administer(migrations.current_revision) == NEWEST
    await first.administer(metadata.drop_all)
    await first.administer(metadata.create_all)
    at_once = await first.administer(description)
    assert stepwise.keys() == at_once.keys() == metadata.tables.keys()
    assert {table: stepwise[table] for table in at_once} == at_once


async def test_all_the_way_down_leaves_nothing_behind(empty: list[Store]) -> None:
    """Every step can be taken back."""
    await empty[0].administer(migrations.upgrade_if_needed)
    await empty[0].administer(lambda conn: migrations.migrate(conn, "base", down=True))
    tables = await empty[0].administer(lambda conn: inspect(conn).get_table_names())
    assert set(tables) <= {migrations.VERSION_TABLE}


async def test_stores_that_open_at_once_bring_the_schema_up_once(empty: list[Store]) -> None:
    """And those that come later change nothing."""
    for _ in range(2):
        await asyncio.gather(*(store.start() for store in empty))
        assert {await store.administer(migrations.current_revision) for store in empty} == {NEWEST}


async def test_a_step_that_fails_leaves_the_schema_as_it_was(empty: list[Store]) -> None:
    """All steps of an upgrade, or none."""

    def upgrade_and_fail(conn: Connection) -> None:
        migrations.upgrade_if_needed(conn)
        conn.execute(text("SELECT * FROM nothing"))

    with pytest.raises(Exception, match="nothing"):
        await empty[0].administer(upgrade_and_fail)
    assert await empty[0].administer(lambda conn: inspect(conn).get_table_names()) == []


async def test_a_database_of_a_newer_program_is_refused(empty: list[Store]) -> None:
    """The message names its schema."""
    await empty[0].administer(migrations.upgrade_if_needed)
    newer = text(f"UPDATE {migrations.VERSION_TABLE} SET version_num = '9999'")
    await empty[0].administer(lambda conn: conn.execute(newer))
    for store in empty:
        with pytest.raises(NewerDatabaseError, match="9999"):
            await store.start()
