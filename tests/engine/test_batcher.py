"""The contract of a batch, on a real database."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from interlock.engine.batcher import Batcher
from interlock.engine.overload import OverloadedError
from interlock.orchestration.commands import CreateFlowRun, CreateTaskRun, SetTaskRunState
from interlock.orchestration.decision import Accept
from interlock.orchestration.refusals import ConflictError, NotFoundError
from interlock.orchestration.states import Proposal, StateType
from interlock.storage import tables
from interlock.storage.queries import flows, task_runs
from interlock.storage.store import BatchItem, Store, StoreUnavailableError
from tests.builders import flow_run_draft, task_run_draft
from tests.conftest import FakeClock
from tests.databases import Databases

FLOW_ID = "00000000-0000-7000-9000-000000000001"
FLOW_RUN_ID = "00000000-0000-7000-9000-000000000002"
PENDING = Proposal(type=StateType.PENDING)
RUNNING = Proposal(type=StateType.RUNNING)


@pytest.fixture
async def batcher(store: Store, clock: FakeClock) -> Batcher:
    """A batcher over a ledger with one flow and one running flow run."""
    batcher = Batcher(store)
    await batcher.write(flows.get_or_create, FLOW_ID, "flow", [], {}, clock())
    await batcher.decide(CreateFlowRun(run=flow_run_draft(FLOW_RUN_ID, FLOW_ID), proposal=RUNNING))
    return batcher


def create(number: int, flow_run_id: str = FLOW_RUN_ID) -> CreateTaskRun:
    return CreateTaskRun(run=task_run_draft(f"00000000-0000-7000-a000-{number:012d}", flow_run_id), proposal=PENDING)


async def test_an_answer_comes_after_its_commit(batcher: Batcher, databases: Databases, database_url: str) -> None:
    """What was answered is there for a connection that knows nothing of this process."""
    decision = await batcher.decide(create(1))
    stored = databases.rows(database_url, "SELECT CAST(id AS text), state_type FROM task_runs")
    assert stored == [(decision.run.id, "PENDING")]


async def test_commands_that_come_together_are_committed_together(batcher: Batcher, store: Store) -> None:
    """A hundred commands at once are all carried out, each with its own answer."""
    decisions = await asyncio.gather(*(batcher.decide(create(i)) for i in range(100)))
    assert [d.run.id for d in decisions] == [create(i).run.id for i in range(100)]
    assert all(d.created for d in decisions)
    stored = await store.read(lambda conn: conn.execute(select(tables.task_runs.c.id)).scalars().all())
    assert len(stored) == 100


async def test_the_callers_of_a_batch_are_waited_for(batcher: Batcher, store: Store) -> None:
    """Those answered together are committed together again, though they come back one after the other."""
    sizes = _sizes_of_batches(store)
    await asyncio.gather(*(batcher.decide(create(i)) for i in range(5)))
    late = [asyncio.ensure_future(batcher.decide(create(5 + i))) for i in range(4)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.gather(batcher.decide(create(9)), *late)
    assert sizes == [5, 5]


async def test_callers_who_do_not_come_back_are_not_waited_for_twice(batcher: Batcher, store: Store) -> None:
    """A command alone is carried out soon after a large batch, and at once after that."""
    sizes = _sizes_of_batches(store)
    await asyncio.gather(*(batcher.decide(create(i)) for i in range(5)))
    async with asyncio.timeout(10):
        await batcher.decide(create(5))
        await batcher.decide(create(6))
    assert sizes == [5, 1, 1]


def _sizes_of_batches(store: Store) -> list[int]:
    """The sizes of the batches that the store is given from now on."""
    sizes: list[int] = []
    commit = store.commit

    async def noting(items: Sequence[BatchItem]) -> Sequence[Any]:
        sizes.append(len(items))
        return await commit(items)

    store.commit = noting  # type: ignore[method-assign]
    return sizes


async def test_a_command_sees_what_the_ones_before_it_in_the_batch_did(batcher: Batcher) -> None:
    """Two creations under the same keys in one batch make one run."""
    first, second = await asyncio.gather(batcher.decide(create(1)), batcher.decide(create(1)))
    assert first.created
    assert not second.created
    assert second.run == first.run


@pytest.mark.parametrize(("count", "pressed"), [(3, {False}), (100, {False, True})])
async def test_many_writes_press_until_they_are_done(batcher: Batcher, count: int, pressed: set[bool]) -> None:
    """A few never do."""
    writes = [asyncio.create_task(batcher.decide(create(i))) for i in range(count)]
    seen = {batcher.is_pressed}
    while not all(x.done() for x in writes):
        await asyncio.sleep(0)
        seen.add(batcher.is_pressed)
    await batcher.drain()
    assert seen | {batcher.is_pressed} == pressed
    assert not batcher.is_pressed


async def test_a_bad_command_fails_alone(batcher: Batcher, store: Store) -> None:
    """Commands of the same batch are not touched by one that is refused."""
    unknown = "00000000-0000-7000-9000-00000000dead"
    outcomes = await asyncio.gather(
        batcher.decide(create(1)),
        batcher.decide(create(2, flow_run_id=unknown)),
        batcher.decide(SetTaskRunState(task_run_id=unknown, proposal=RUNNING)),
        batcher.decide(create(3)),
        return_exceptions=True,
    )
    assert isinstance(outcomes[1], ConflictError)
    assert isinstance(outcomes[2], NotFoundError)
    for number in (1, 3):
        assert await store.read(task_runs.by_id, create(number).run.id) is not None
    assert await store.read(task_runs.by_id, create(2).run.id) is None


async def test_a_write_that_raises_is_undone_and_fails_alone(batcher: Batcher, store: Store) -> None:
    """What a function wrote before it raised is gone; a command beside it is carried out."""

    def write_and_fail(conn: Connection) -> None:
        conn.execute(insert(tables.configuration), {"key": "half", "value": 1})
        raise ValueError("no")

    outcomes = await asyncio.gather(batcher.write(write_and_fail), batcher.decide(create(1)), return_exceptions=True)
    assert isinstance(outcomes[0], ValueError)
    rows = await store.read(lambda conn: conn.execute(select(tables.configuration)).all())
    assert rows == []
    assert await store.read(task_runs.by_id, create(1).run.id) is not None


async def test_a_broken_constraint_is_told_to_the_one_who_broke_it(batcher: Batcher, store: Store) -> None:
    """Of two that take the same unique key one succeeds, and the other is told of a conflict."""

    def take(conn: Connection) -> str:
        conn.execute(insert(tables.configuration), {"key": "taken", "value": 1})
        return "mine"

    outcomes = await asyncio.gather(batcher.write(take), batcher.write(take), return_exceptions=True)
    assert sorted(isinstance(x, IntegrityError | ConflictError) for x in outcomes) == [False, True]
    assert "mine" in outcomes


async def test_a_database_that_fails_fails_the_whole_batch_and_nothing_is_written(
    batcher: Batcher, store: Store, databases: Databases, database_url: str
) -> None:
    """While the database takes no writes, a batch is refused as a whole; afterwards the next goes through. The log has
    a line when that begins, and one when it is over."""
    with capture_logs() as lines:
        with databases.without_writes(database_url):
            outcomes = await asyncio.gather(
                *(batcher.decide(create(i)) for i in (1, 2)), batcher.write(_nothing), return_exceptions=True
            )
        assert [type(x) for x in outcomes] == [StoreUnavailableError] * 3
        assert await store.read(task_runs.by_id, create(1).run.id) is None
        assert (await batcher.decide(create(1))).created
        assert (await batcher.decide(create(2))).created
    assert [(x["log_level"], x["event"], x["use"]) for x in lines] == [
        ("error", "database unavailable", "writes"),
        ("warning", "database available again", "writes"),
    ]


def _nothing(_conn: Connection) -> None:
    """A write."""


@pytest.mark.usefixtures("batcher")
async def test_beyond_the_bound_a_command_is_refused_at_once(store: Store) -> None:
    """A full line refuses; what it had accepted is carried out all the same."""
    bounded = Batcher(store, max_waiting=3)
    accepted = [asyncio.ensure_future(bounded.decide(create(n))) for n in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(OverloadedError) as refused:
        await bounded.decide(create(3))
    assert refused.value.retry_after >= 1
    assert all(x.created for x in await asyncio.gather(*accepted))


async def test_beyond_the_bound_a_write_is_refused_at_once(store: Store) -> None:
    """Where writes go alone, the bound is on those that wait while others are under way."""
    bounded = Batcher(store, max_waiting=3)
    room = 3 if store.batches_writes else store.readers + 3
    accepted = [asyncio.ensure_future(bounded.write(lambda conn, n=n: n)) for n in range(room)]  # type: ignore[misc]
    await asyncio.sleep(0)
    with pytest.raises(OverloadedError):
        await bounded.write(lambda conn: "too much")
    assert await asyncio.gather(*accepted) == list(range(room))


async def test_a_caller_that_goes_away_takes_no_one_with_it(batcher: Batcher, store: Store) -> None:
    """A cancelled caller's command is committed, and so are the others of its batch."""
    gone = asyncio.ensure_future(batcher.decide(create(1)))
    stayed = asyncio.ensure_future(batcher.decide(create(2)))
    await asyncio.sleep(0)
    gone.cancel()
    assert (await stayed).created
    assert await store.read(task_runs.by_id, create(1).run.id) is not None


async def test_drain_waits_for_everything_accepted(batcher: Batcher, store: Store) -> None:
    """After drain nothing is under way."""
    pending = [asyncio.ensure_future(batcher.decide(create(i))) for i in range(5)]
    await asyncio.sleep(0)
    await batcher.drain()
    decisions = [await x for x in pending]
    assert all(isinstance(d.verdict, Accept) for d in decisions)
