"""The schema over time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, inspect, text

from interlock.server import create_store
from interlock.settings import Settings
from interlock.storage import migrations, types
from interlock.storage.invariants import violations
from interlock.storage.queries import concurrency_limits, concurrency_limits_v2, deployments, variables
from interlock.storage.store import NewerDatabaseError, Store
from interlock.storage.tables import concurrency_limits_v2 as limits_table
from interlock.storage.tables import concurrency_slots, metadata
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
    """What the migrations make is what tables/ declares: every column, key, constraint and index."""
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


OLD_LIMITS = sa.table(
    "concurrency_limits",
    sa.column("id", types.Id()),
    sa.column("created", types.UtcTime()),
    sa.column("updated", types.UtcTime()),
    sa.column("tag", types.Text()),
    sa.column("concurrency_limit", sa.Integer()),
)
"""The limits of tags as they were before step 0008."""


async def test_limits_of_tags_become_global_limits_and_keep_their_holders(empty: list[Store]) -> None:
    """Under their ids, in the place of a global limit of that name; and back again, when the step is taken back."""
    store, now = empty[0], datetime(2026, 1, 1, tzinfo=UTC)
    limit_id, other_id, plain_id, run_id = (f"00000000-0000-7000-8000-{n:012d}" for n in range(4))
    times = {"created": now, "updated": now}
    slot = {"concurrency_limit_id": limit_id, "task_run_id": run_id}

    def fill(conn: Connection) -> None:
        migrations.migrate(conn, "0007")
        conn.execute(OLD_LIMITS.insert(), {"id": limit_id, **times, "tag": "a:b", "concurrency_limit": 3})
        conn.execute(concurrency_slots.insert(), slot)
        concurrency_limits_v2.create(conn, other_id, {"name": "tag:a:b", "limit": 1}, now)
        concurrency_limits_v2.create(conn, plain_id, {"name": "TAG:x", "limit": 1}, now)

    await store.administer(fill)
    await store.start()
    limit = await store.read(concurrency_limits.by_tag, "a:b", now)
    assert limit == {"id": limit_id, **times, "tag": "a:b", "concurrency_limit": 3, "active_slots": [run_id]}
    assert await store.read(violations_but_unknown_runs) == []

    def take_back(conn: Connection) -> tuple[Any, ...]:
        migrations.migrate(conn, "0007", down=True)
        named = conn.execute(sa.select(limits_table.c.name)).scalars().all()
        tags = conn.execute(sa.select(OLD_LIMITS.c.tag, OLD_LIMITS.c.concurrency_limit)).all()
        return named, tags, [dict(x) for x in conn.execute(sa.select(concurrency_slots)).mappings()]

    assert await store.administer(take_back) == (["TAG:x"], [("a:b", 3)], [slot])


def violations_but_unknown_runs(conn: Connection) -> list[str]:
    return [x.name for x in violations(conn) if x.name != "slot-of-unknown-run"]


FLOW, DEPLOYMENT, SCHEDULE, VARIABLE = (f"00000000-0000-7000-9000-{n:012d}" for n in range(4))
BEFORE_3X = (
    f"INSERT INTO flows (id, created, updated, name, tags, labels) VALUES ('{FLOW}', :now, :now, 'f', '[]', '{{}}')",
    "INSERT INTO deployments (id, created, updated, flow_id, name, is_schedule_active, paused, infra_overrides,"
    f" parameters, tags, labels, enforce_parameter_schema, status) VALUES ('{DEPLOYMENT}', :now, :now, '{FLOW}', 'd',"
    " true, false, '{}', '{}', '[]', '{}', false, 'READY')",
    "INSERT INTO deployment_schedules (id, created, updated, deployment_id, schedule, active, catchup) VALUES"
    f" ('{SCHEDULE}', :now, :now, '{DEPLOYMENT}', '{{}}', true, false)",
    "INSERT INTO variables (id, created, updated, name, value, tags) VALUES"
    f" ('{VARIABLE}', :now, :now, 'v', '[1]', '[]')",
)
KEPT = ("flows", "deployments", "deployment_schedules", "variables")


def fill_before_3x(conn: Connection) -> None:
    """A record of each kind that is kept otherwise since."""
    migrations.migrate(conn, "0008")
    now = 0 if conn.dialect.name == "sqlite" else datetime(2026, 1, 1, tzinfo=UTC)
    for statement in BEFORE_3X:
        conn.execute(text(statement), {"now": now})


def counts(conn: Connection) -> dict[str, int]:
    return {x: conn.execute(text(f"SELECT count(*) FROM {x}")).scalar_one() for x in KEPT}


async def test_what_there_was_before_3x_clients_stays(empty: list[Store]) -> None:
    """Up and down again: variables are texts, schedules have neither slug nor parameters, and none is lost."""
    store = empty[0]
    await store.administer(fill_before_3x)
    await store.administer(migrations.upgrade_if_needed)
    assert await store.administer(counts) == dict.fromkeys(KEPT, 1)
    deployment = await store.administer(lambda conn: deployments.by_id(conn, DEPLOYMENT))
    assert deployment is not None
    (schedule,) = deployment["schedules"]
    assert (schedule["slug"], schedule["parameters"], deployment["global_concurrency_limit"]) == (None, {}, None)
    assert await store.administer(variables.values_by_name) == {"v": ("[1]", False)}
    await store.administer(lambda conn: migrations.migrate(conn, "0008", down=True))
    assert await store.administer(counts) == dict.fromkeys(KEPT, 1)


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
