"""The index of tags: it has every task run by every tag, whatever happens to the run."""

from uuid import uuid4

import pytest
from sqlalchemy import Connection, select, text

from interlock.engine.batcher import Batcher
from interlock.orchestration.commands import CreateFlowRun, CreateTaskRun
from interlock.orchestration.states import Proposal, StateType
from interlock.storage import migrations
from interlock.storage.filters import HasAllTags, Order
from interlock.storage.invariants import violations
from interlock.storage.queries import flow_runs, flows, runs_filter, task_runs
from interlock.storage.store import Store
from interlock.storage.tables import task_run_tags
from interlock.storage.tables import task_runs as runs_table
from interlock.storage.tags import KEY_CHARACTERS
from tests.builders import flow_run_draft, recording, task_run_draft
from tests.conftest import FakeClock

FLOW, FLOW_RUN = str(uuid4()), str(uuid4())
PENDING = Proposal(type=StateType.PENDING)


@pytest.fixture
async def batcher(store: Store, clock: FakeClock) -> Batcher:
    batcher = Batcher(store)
    await batcher.write(flows.get_or_create, FLOW, "flow", [], {}, clock())
    await batcher.decide(CreateFlowRun(run=flow_run_draft(FLOW_RUN, FLOW), proposal=PENDING))
    return batcher


async def create(batcher: Batcher, *tags: str, flow_run_id: str | None = FLOW_RUN) -> str:
    run_id = str(uuid4())
    await batcher.decide(CreateTaskRun(run=task_run_draft(run_id, flow_run_id, tags=tags), proposal=PENDING))
    return run_id


async def tags_of(store: Store, run_id: str) -> list[str]:
    """By what the index has the run; the whole ledger must be in order too."""
    own = select(task_run_tags.c.tag).where(task_run_tags.c.task_run_id == run_id).order_by(task_run_tags.c.tag)
    assert await store.read(violations) == []
    return await store.read(lambda conn: list(conn.execute(own).scalars()))


async def found(store: Store, *tags: str) -> list[str]:
    """The ids of the task runs with these tags; as many must be counted."""
    page = await store.read(runs_filter.task_run_page, HasAllTags(tags), Order("id"), 100, 0)
    assert await store.read(runs_filter.count, runs_table, HasAllTags(tags)) == len(page)
    return [x.id for x in page]


async def test_a_new_run_is_there_by_all_its_tags(store: Store, batcher: Batcher) -> None:
    """Once by each, however often it has it; one without tags is not there."""
    run_id = await create(batcher, "b", "a", "b")
    assert await tags_of(store, run_id) == ["a", "b"]
    assert await tags_of(store, await create(batcher)) == []
    assert await found(store, "b", "a") == [run_id]
    assert await found(store, "a", "c") == []


async def test_a_creation_that_comes_again_changes_nothing(store: Store, batcher: Batcher) -> None:
    """The run that is there already keeps its tags."""
    first = task_run_draft(str(uuid4()), FLOW_RUN, dynamic_key="same", tags=("a",))
    second = task_run_draft(str(uuid4()), FLOW_RUN, dynamic_key="same", tags=("b",))
    for run in (first, second):
        await batcher.decide(CreateTaskRun(run=run, proposal=PENDING))
    assert await tags_of(store, first.id) == ["a"]
    assert await tags_of(store, second.id) == []


async def test_the_index_follows_what_a_client_tells_of(store: Store, batcher: Batcher, clock: FakeClock) -> None:
    """A run whose tags change is there by its new ones only."""
    run_id = str(uuid4())
    for tags in (("a", "b"), ("a", "b"), ("b", "c"), ()):
        clock.advance(seconds=1)
        told = recording(run_id, FLOW_RUN, StateType.RUNNING, state_id=str(uuid4()), at=clock(), tags=tags)
        await batcher.decide(told)
        assert await tags_of(store, run_id) == list(tags)


async def test_tags_that_change_twice_at_once(store: Store, batcher: Batcher, clock: FakeClock) -> None:
    """States of one batch: the tags before it and those after it are what counts."""
    run_id = await create(batcher, "a", "b")
    told = [
        recording(run_id, FLOW_RUN, StateType.RUNNING, state_id=str(uuid4()), at=clock.now.replace(second=x), tags=tags)
        for x, tags in ((1, ("b", "c")), (2, ("a", "d")))
    ]
    assert not any(isinstance(x, Exception) for x in await store.commit(told))
    assert await tags_of(store, run_id) == ["a", "d"]


async def test_deleted_runs_are_gone_from_it(store: Store, batcher: Batcher) -> None:
    """Whether they go by themselves or with their flow run."""
    alone, with_others = await create(batcher, "a", "b"), await create(batcher, "a")
    background = await create(batcher, "a", flow_run_id=None)
    await batcher.write(task_runs.delete_one, alone)
    assert await found(store, "a") == sorted((with_others, background))
    await batcher.write(flow_runs.delete_one, FLOW_RUN)
    assert await found(store, "a") == [background]
    assert await tags_of(store, with_others) == await tags_of(store, alone) == []


async def test_long_tags_are_told_from_each_other(store: Store, batcher: Batcher) -> None:
    """The index has only their beginning."""
    long = "ü" * 5_000
    one, other = await create(batcher, f"{long}1"), await create(batcher, f"{long}2")
    assert await tags_of(store, one) == ["ü" * KEY_CHARACTERS]
    assert await found(store, f"{long}1") == [one]
    assert await found(store, f"{long}2") == [other]
    assert await found(store, "ü" * KEY_CHARACTERS) == []


async def test_runs_of_an_older_schema_are_taken_in(store: Store, batcher: Batcher) -> None:
    """The step that makes the index fills it."""
    runs = {await create(batcher, *tags): tags for tags in (("a", "b"), ("a",), (), ("ü" * 300,))}

    def there_and_back(conn: Connection) -> None:
        migrations.migrate(conn, "0003", down=True)
        assert conn.execute(text("SELECT count(*) FROM task_runs")).scalar() == len(runs)
        migrations.migrate(conn, "head")

    await store.administer(there_and_back)
    for run_id, tags in runs.items():
        assert await tags_of(store, run_id) == [x[:KEY_CHARACTERS] for x in tags]
