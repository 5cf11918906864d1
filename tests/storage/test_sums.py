"""Sums over all runs follow each change of a run, folded or not."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, func, literal, select

from interlock.engine.batcher import Batcher
from interlock.orchestration.commands import CreateTaskRun, SetTaskRunState
from interlock.orchestration.states import Proposal, StateType
from interlock.storage import sums
from interlock.storage.expressions import minute_of
from interlock.storage.filters import EVERYTHING
from interlock.storage.invariants import violations
from interlock.storage.queries import runs_filter, task_runs
from interlock.storage.store import Store
from interlock.storage.tables import run_sum_changes, run_sums
from interlock.storage.tables import task_runs as table
from interlock.storage.types import UtcTime
from tests.builders import task_run_draft
from tests.conftest import FakeClock

RUNS = [f"00000000-0000-7000-a000-{number:012d}" for number in range(3)]
PENDING, RUNNING, COMPLETED = (Proposal(type=x) for x in (StateType.PENDING, StateType.RUNNING, StateType.COMPLETED))


def rows_of_changes(conn: Connection) -> int:
    return conn.execute(select(func.count()).select_from(run_sum_changes)).scalar_one()


def rows_of_minutes(conn: Connection) -> int:
    return conn.execute(select(func.count()).select_from(run_sums)).scalar_one()


async def counts(store: Store) -> dict[StateType, int]:
    found = await store.read(runs_filter.count_by_state, table, EVERYTHING)
    return {kind: runs for kind, runs in found.items() if runs}


async def create(batcher: Batcher, run_id: str, *then: Proposal) -> None:
    draft = task_run_draft(run_id, None, dynamic_key=run_id)
    await batcher.decide(CreateTaskRun(run=draft, proposal=PENDING))
    for proposal in then:
        await batcher.decide(SetTaskRunState(task_run_id=run_id, proposal=proposal))


@pytest.mark.parametrize("folded_each_time", [False, True])
async def test_they_are_those_of_the_runs_after_each_change(
    folded_each_time: bool, store: Store, clock: FakeClock
) -> None:
    """Created, moved, ended, begun again, deleted: whether the changes of late are folded meanwhile or never."""
    batcher = Batcher(store)

    async def agree(**expected: int) -> None:
        if folded_each_time:
            await batcher.write(sums.fold)
            assert await store.read(rows_of_changes) == 0
        assert {x.value: n for x, n in (await counts(store)).items()} == expected
        assert await store.read(runs_filter.count, table, EVERYTHING) == sum(expected.values())
        assert await store.read(violations) == []

    await create(batcher, RUNS[0], RUNNING)
    await create(batcher, RUNS[1])
    await agree(RUNNING=1, PENDING=1)
    clock.advance(seconds=90)
    await batcher.decide(SetTaskRunState(task_run_id=RUNS[0], proposal=COMPLETED))
    await create(batcher, RUNS[2], RUNNING, COMPLETED)
    await agree(COMPLETED=2, PENDING=1)
    await batcher.decide(SetTaskRunState(task_run_id=RUNS[0], proposal=RUNNING, force=True))
    await agree(COMPLETED=1, PENDING=1, RUNNING=1)
    for run_id in RUNS:
        await batcher.write(task_runs.delete_one, run_id)
    await agree()


async def test_a_minute_without_runs_is_not_kept(store: Store) -> None:
    """Otherwise what was deleted long ago would still take room."""
    batcher = Batcher(store)
    await create(batcher, RUNS[0], RUNNING, COMPLETED)
    await batcher.write(sums.fold)
    assert await store.read(rows_of_minutes) == 1
    await batcher.write(task_runs.delete_one, RUNS[0])
    await batcher.write(sums.fold)
    assert await store.read(rows_of_minutes) == 0


async def test_to_sum_up_anew_changes_nothing(store: Store) -> None:
    """What was kept step by step is what the rows add up to."""
    batcher = Batcher(store)
    await create(batcher, RUNS[0], RUNNING, COMPLETED)
    await create(batcher, RUNS[1], RUNNING)
    before = await counts(store)
    await batcher.write(sums.rebuild)
    assert await counts(store) == before
    assert await store.read(violations) == []


@pytest.mark.parametrize(
    "time",
    [
        datetime(2026, 3, 1, 12, 34, 56, 789, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(1800, 1, 1, 0, 0, 30, tzinfo=UTC),
    ],
    ids=str,
)
async def test_a_minute_begins_with_its_first_second(time: datetime, store: Store) -> None:
    """Also before 1970, and where zones had seconds."""
    found = await store.read(lambda conn: conn.execute(select(minute_of(literal(time, UtcTime())))).scalar_one())
    assert found == time.replace(second=0, microsecond=0)
