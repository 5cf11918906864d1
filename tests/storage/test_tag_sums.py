"""Sums over the task runs of a tag follow each change of a run and of its tags, folded or not."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from interlock.engine.batcher import Batcher
from interlock.orchestration.commands import Command, CreateFlowRun, CreateTaskRun, SetTaskRunState
from interlock.orchestration.states import Proposal, StateType
from interlock.storage import migrations, tag_sums
from interlock.storage.filters import HasAllTags
from interlock.storage.invariants import violations
from interlock.storage.queries import flow_runs, flows, history, task_runs
from interlock.storage.queries.history import Grid
from interlock.storage.store import Store
from interlock.storage.tables import tag_sum_changes
from interlock.storage.tables import tag_sums as table
from interlock.storage.tables import task_runs as runs_table
from interlock.storage.tags import KEY_CHARACTERS
from tests.builders import THEN, flow_run_draft, recording, task_run_draft
from tests.conftest import FakeClock
from tests.storage.conftest import PlainStore

PENDING, RUNNING, COMPLETED = (Proposal(type=x) for x in (StateType.PENDING, StateType.RUNNING, StateType.COMPLETED))
TAGS = ("a", "b", "ü" * KEY_CHARACTERS + "1", "ü" * KEY_CHARACTERS + "2")
GRID = Grid(THEN - timedelta(minutes=20, seconds=20), timedelta(seconds=309.5), 20)
RUNS = 3


async def finish(batcher: Batcher, run_id: str, *tags: str, flow_run_id: str | None = None) -> None:
    draft = task_run_draft(run_id, flow_run_id, tags=tags)
    await batcher.decide(CreateTaskRun(run=draft, proposal=PENDING))
    for proposal in (RUNNING, COMPLETED):
        await batcher.decide(SetTaskRunState(task_run_id=run_id, proposal=proposal))


def kept(conn: Connection) -> dict[str, int]:
    """How many runs are summed up by each tag, zeros too."""
    found = conn.execute(select(table.c.tag, func.sum(table.c.runs)).group_by(table.c.tag))
    return {tag: int(runs) for tag, runs in found}


def noted(conn: Connection) -> list[tuple[Any, ...]]:
    changes = tag_sum_changes.c
    return [tuple(x) for x in conn.execute(select(changes.tag, changes.state_type, changes.runs).order_by(changes.tag))]


async def test_ended_runs_of_a_batch_are_a_row_a_tag(store: Store) -> None:
    """However many they are; runs that have not ended, or have no tags, are none."""
    batcher, ids = Batcher(store), [str(uuid4()) for _ in range(25)]
    drafts = [task_run_draft(x, None, expected_start_time=THEN, tags=("a", "b", "a")) for x in ids]
    for proposal in (PENDING, RUNNING):
        await store.commit([CreateTaskRun(run=x, proposal=proposal) for x in drafts])
    await store.commit([CreateTaskRun(run=task_run_draft(str(uuid4()), None), proposal=COMPLETED)])
    assert await store.read(noted) == []
    await store.commit([SetTaskRunState(task_run_id=x, proposal=COMPLETED) for x in ids])
    assert await store.read(noted) == [("a", "COMPLETED", 25), ("b", "COMPLETED", 25)]
    await batcher.write(tag_sums.fold)
    assert await store.read(noted) == []
    assert await store.read(kept) == {"a": 25, "b": 25}
    assert await store.read(violations) == []


async def test_deleted_runs_are_taken_away(store: Store, clock: FakeClock) -> None:
    """Whether they go by themselves or with their flow run; a sum of none is not kept."""
    batcher, (flow, flow_run, *ids) = Batcher(store), (str(uuid4()) for _ in range(6))
    await batcher.write(flows.get_or_create, flow, "flow", [], {}, clock())
    await batcher.decide(CreateFlowRun(run=flow_run_draft(flow_run, flow), proposal=PENDING))
    for run_id, tags, owner in zip(
        ids, (("a", "b"), ("a",), ("a",), ()), (None, None, flow_run, flow_run), strict=True
    ):
        await finish(batcher, run_id, *tags, flow_run_id=owner)
    await batcher.write(tag_sums.fold)
    for delete, doomed, left in (
        (task_runs.delete_one, ids[0], {"a": 2}),
        (flow_runs.delete_one, flow_run, {"a": 1}),
        (task_runs.delete_one, ids[1], {}),
    ):
        await batcher.write(delete, doomed)
        assert await store.read(violations) == []
        await batcher.write(tag_sums.fold)
        assert await store.read(kept) == left


async def test_runs_of_an_older_schema_are_summed_up(store: Store) -> None:
    """The step that makes the sums fills them, by what tells a tag in the index."""
    batcher = Batcher(store)
    for tags in (("a", "b"), ("a",), (), TAGS[2:]):
        await finish(batcher, str(uuid4()), *tags)

    def there_and_back(conn: Connection) -> None:
        migrations.migrate(conn, "0009", down=True)
        migrations.migrate(conn, "head")

    await store.administer(there_and_back)
    assert await store.read(kept) == {"a": 2, "b": 1, "ü" * KEY_CHARACTERS: 1}
    assert await store.read(violations) == []


def minutes_from_then(minutes: int) -> dict[str, Any]:
    return {"expected_start_time": THEN + timedelta(minutes=minutes / 4)}


some_tags = st.lists(st.sampled_from(TAGS), max_size=3).map(tuple)
times = st.integers(-80, 200).map(minutes_from_then)
run_numbers = st.integers(0, RUNS - 1)
proposals = st.sampled_from([PENDING, RUNNING, COMPLETED, Proposal(type=StateType.FAILED, name="Odd")])


def created(run_id: str, tags: tuple[str, ...], times: dict[str, Any], proposal: Proposal) -> Command:
    return CreateTaskRun(run=task_run_draft(run_id, None, tags=tags, **times), proposal=proposal)


def moved(run_id: str, proposal: Proposal) -> Command:
    return SetTaskRunState(task_run_id=run_id, proposal=proposal, force=True)


def told(run_id: str, second: int, kind: StateType, tags: tuple[str, ...], times: dict[str, Any]) -> Command:
    """As by clients of the 3.x line: the run's tags, times and state may be others than before."""
    late = THEN + timedelta(days=9_999, seconds=second)
    said = {"tags": tags, "start_time": THEN, "total_run_time": second / 7, **times}
    return recording(run_id, None, kind, state_id=str(uuid4()), at=late, **said)


def changes(run_ids: Sequence[str]) -> st.SearchStrategy[Command]:
    runs = st.sampled_from(run_ids)
    kinds = st.sampled_from([StateType.RUNNING, StateType.COMPLETED, StateType.CRASHED])
    return (
        st.builds(created, runs, some_tags, times, proposals)
        | st.builds(moved, runs, proposals)
        | st.builds(told, runs, st.integers(0, 100), kinds, some_tags, times)
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_they_are_those_of_the_runs_whatever_happens(plain_store: PlainStore, data: st.DataObject) -> None:
    """Batches of creations, transitions and states that are told of with other tags, deletions, and folding at any
    time: a history told by the sums is that of the runs one by one."""
    run_ids = [str(uuid4()) for _ in range(RUNS)]
    for batch in data.draw(st.lists(st.lists(changes(run_ids), min_size=1, max_size=5), min_size=1, max_size=4)):
        plain_store.decide(*batch)
        if data.draw(st.booleans()):
            plain_store.write(tag_sums.fold)
        if data.draw(st.booleans()):
            plain_store.write(task_runs.delete_one, data.draw(st.sampled_from(run_ids)))
    assert plain_store.read(violations) == []
    for tag in TAGS:
        assert history_of(plain_store, tag, few=0) == history_of(plain_store, tag, few=1_000_000)


def history_of(store: PlainStore, tag: str, few: int) -> dict[int, list[Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "FEW_TAGGED", few)
        found = store.read(history.history, runs_table, HasAllTags((tag,)), GRID, THEN)
    return {
        number: [(x.state_type, x.state_name, x.runs, pytest.approx(x.run_time), pytest.approx(x.lateness)) for x in of]
        for number, of in found.items()
    }
