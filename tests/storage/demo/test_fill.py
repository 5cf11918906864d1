"""A demo in a database of each kind."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Column, Connection, func, select

from interlock.storage.demo.fill import fill
from interlock.storage.demo.flow_runs import Demo
from interlock.storage.invariants import violations
from interlock.storage.queries import concurrency_limits, database
from interlock.storage.store import Store
from interlock.storage.tables import concurrency_slots, flow_runs, logs, task_runs
from tests.conftest import FakeClock

pytestmark = pytest.mark.anyio
RUNS = 3_000
SEED = 9
"""One with which some of so few runs hold slots."""


async def filled(store: Store, clock: FakeClock, span: timedelta = timedelta(days=1)) -> Store:
    """A store with a demo; as many task runs were told of as were asked for."""
    assert sum([written async for written in fill(store, Demo(RUNS, span, clock(), seed=SEED))]) == RUNS
    return store


@pytest.mark.parametrize("days", [1, 365])
async def test_a_demo_is_a_correct_ledger(store: Store, clock: FakeClock, days: int) -> None:
    """Every invariant holds, and the runs asked for are there."""
    await filled(store, clock, timedelta(days=days))
    assert await store.read(violations) == []
    counts = await store.read(database.counts)
    assert (counts["flows"], counts["flow_runs"], counts["task_runs"]) == (10, 1_000, RUNS)


async def test_a_second_demo_goes_beside_the_first(store: Store, clock: FakeClock) -> None:
    """It shares its flows and limits, whose slots an operator may have changed meanwhile."""
    await filled(store, clock)
    await store.administer(lambda conn: concurrency_limits.create_or_change(conn, "", "gpu", 3, clock()))
    clock.advance(days=1)
    await filled(store, clock)
    counts = await store.read(database.counts)
    assert (counts["flows"], counts["flow_runs"], counts["task_runs"]) == (10, 2_000, 2 * RUNS)
    assert (await store.read(concurrency_limits.by_tag, "gpu", clock()) or {})["concurrency_limit"] == 3
    assert await store.read(violations) == []


async def test_everything_is_there_to_be_found(store: Store, clock: FakeClock) -> None:
    """Subflows, logs of flow runs and of task runs, runs that have started, and slots that are held."""
    await filled(store, clock)
    assert await store.read(partial(_count, column=flow_runs.c.parent_task_run_id)) > RUNS / 100
    assert await store.read(partial(_count, column=logs.c.flow_run_id)) > RUNS / 10
    assert await store.read(partial(_count, column=logs.c.task_run_id)) > 0
    assert await store.read(partial(_count, column=task_runs.c.start_time)) > RUNS / 2
    assert await store.read(partial(_count, column=concurrency_slots.c.task_run_id)) > 0


def _count(conn: Connection, column: Column[Any]) -> int:
    return conn.execute(select(func.count(column))).scalar_one()
