"""What work pools offer, against a plain model of it: priorities, limits, pauses and states drawn at random."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, update

from interlock.orchestration.commands import CreateFlowRun, SetFlowRunState
from interlock.orchestration.states import Proposal, StateDetails, StateType
from interlock.server import new_id
from interlock.storage.queries import flows, work_polls, work_pools, work_queues
from interlock.storage.queries.work_polls import Window
from interlock.storage.tables import work_queues as table
from tests.builders import flow_run_draft
from tests.storage.conftest import PlainStore

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FLOW = "00000000-0000-7000-8000-00000000f10f"
BUSY = (StateType.PENDING, StateType.RUNNING)
LIMITS = st.none() | st.integers(0, 4)


class Run(msgspec.Struct, frozen=True):
    """A run in one of the queues, by number: its state, and when it is scheduled, in minutes after noon."""

    queue: int
    state: StateType
    minute: int


class Queue(msgspec.Struct, frozen=True):
    paused: bool
    limit: int | None


class Pool(msgspec.Struct, frozen=True):
    """A pool; its queues are in the order of their priorities."""

    paused: bool
    limit: int | None
    queues: list[Queue]
    runs: list[Run]


STATES = st.sampled_from([*[StateType.SCHEDULED] * 4, *BUSY, StateType.CANCELLING, StateType.COMPLETED])
OFTEN_NOT = st.sampled_from([False, False, False, True])
POOLS = st.builds(
    Pool,
    paused=st.sampled_from([*[False] * 9, True]),
    limit=LIMITS,
    queues=st.lists(st.builds(Queue, paused=OFTEN_NOT, limit=LIMITS), min_size=1, max_size=4),
    runs=st.lists(st.builds(Run, queue=st.integers(0, 3), state=STATES, minute=st.integers(0, 5)), max_size=14),
)
MINUTES = st.none() | st.integers(0, 5)


def model(pool: Pool, asked: set[int] | None, limit: int, before: int | None, after: int | None) -> list[int]:
    """The runs, by number, that a pool offers."""
    if pool.paused:
        return []
    in_queue = {n: [x for x in pool.runs if x.queue % len(pool.queues) == n] for n in range(len(pool.queues))}
    taken = {n: sum(x.state in BUSY for x in runs) for n, runs in in_queue.items()}
    left = limit if pool.limit is None else min(limit, max(0, pool.limit - sum(taken.values())))
    offered: list[int] = []
    for n, queue in enumerate(pool.queues):
        if queue.paused or (asked is not None and n not in asked):
            continue
        slots = len(pool.runs) if queue.limit is None else max(0, queue.limit - taken[n])
        waiting = [
            (x.minute, number)
            for number, x in enumerate(pool.runs)
            if x.queue % len(pool.queues) == n
            and x.state is StateType.SCHEDULED
            and (before is None or x.minute <= before)
            and (after is None or x.minute >= after)
        ]
        offered += [number for _, number in sorted(waiting)[:slots]]
    return offered[:left]


def time(minute: int | None) -> datetime | None:
    return None if minute is None else NOON + timedelta(minutes=minute)


def fill(store: PlainStore, pool: Pool) -> tuple[str, list[str], list[str]]:
    """Make the pool; its name, those of its queues and the ids of its runs."""
    name = new_id()
    values = {
        "name": name,
        "type": "t",
        "base_job_template": {},
        "is_paused": pool.paused,
        "concurrency_limit": pool.limit,
    }
    made = store.write(work_pools.create, values | {"storage_configuration": {}}, new_id, NOON)
    ids = [made["default_queue_id"], *(queue(store, made["id"]) for _ in pool.queues[1:])]
    store.write(flows.get_or_create, FLOW, "flow", [], {}, NOON)
    store.write(set_up, ids, pool.queues)
    return name, [f"{x}" for x in ids], [run(store, x, ids[x.queue % len(ids)]) for x in pool.runs]


def queue(store: PlainStore, pool_id: str) -> str:
    values = {"name": new_id(), "description": "", "is_paused": False}
    return str(store.write(work_queues.create, pool_id, values, new_id(), NOON)["id"])


def set_up(conn: Connection, ids: list[str], queues: list[Queue]) -> None:
    for queue_id, x in zip(ids, queues, strict=True):
        values = {"name": queue_id, "is_paused": x.paused, "concurrency_limit": x.limit}
        conn.execute(update(table).where(table.c.id == queue_id).values(values))


def run(store: PlainStore, wanted: Run, queue_id: str) -> str:
    draft = flow_run_draft(new_id(), FLOW, work_queue_id=queue_id)
    due = Proposal(type=StateType.SCHEDULED, details=StateDetails(scheduled_time=time(wanted.minute)))
    store.decide(CreateFlowRun(run=draft, proposal=due))
    if wanted.state is not StateType.SCHEDULED:
        store.decide(SetFlowRunState(flow_run_id=draft.id, proposal=Proposal(type=wanted.state), force=True))
    return draft.id


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pool=POOLS,
    asked=st.none() | st.sets(st.integers(0, 3), min_size=1),
    limit=st.integers(0, 6) | st.just(200),
    before=MINUTES,
    after=MINUTES,
)
def test_what_is_offered_is_what_the_model_says(
    plain_store: PlainStore, pool: Pool, asked: set[int] | None, limit: int, before: int | None, after: int | None
) -> None:
    """In its order: by the priority of queues, then by time, then by id."""
    asked = None if asked is None else {x % len(pool.queues) for x in asked}
    name, queues, runs = fill(plain_store, pool)
    names = None if asked is None else [queues[x] for x in asked]
    poll: Any = plain_store.read(work_polls.of_pool, name, names, Window(limit, time(before), time(after)))
    assert [runs.index(x.run.id) for x in poll.runs] == model(pool, asked, limit, before, after)
