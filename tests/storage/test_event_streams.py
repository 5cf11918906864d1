"""What clients of the 3.x line tell of their task runs, as the network brings it: late, twice, in parts, all again."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select

from interlock.api.events import command_of
from interlock.api.schemas.events import EventBody
from interlock.orchestration.facts import Chance
from interlock.storage import ledger, sums, tag_sums
from interlock.storage.invariants import violations
from interlock.storage.tables import events, flow_runs, flows, task_run_states, task_run_tags, task_runs
from tests.builders import THEN
from tests.events import event, moment
from tests.storage.conftest import PlainStore

CHANCE = Chance(new_id=lambda: str(uuid4()), random=lambda: 0.5)
ENDS = ("COMPLETED", "FAILED", "CRASHED")
SAID = {
    "name": st.sampled_from(["square-1", "square-2"]),
    "tags": st.lists(st.sampled_from("abc"), max_size=2),
    "labels": st.dictionaries(st.sampled_from("xy"), st.integers(0, 3), max_size=2) | st.none(),
    "cache_key": st.sampled_from(["key", None]),
    "task_inputs": st.just({"number": []}),
    "total_run_time": st.sampled_from([0.0, 1.5]),
}
"""What a client may say of a run, at any time of its life. What it has said it says with each state from then on."""


class Told(NamedTuple):
    """One state of one of the runs: which, and what its client says of the run by then."""

    run: int
    kind: str
    at: float
    said: dict[str, Any]


@st.composite
def lives(draw: st.DrawFn, run: int) -> list[Told]:
    """The states of a run, with retries, each later than the one before it."""
    retries = draw(st.integers(0, 2))
    kinds = ["PENDING", *(x for _ in range(retries) for x in ("RUNNING", "SCHEDULED")), "RUNNING"]
    kinds += draw(st.lists(st.sampled_from(ENDS), max_size=1))
    steps = draw(st.lists(st.sampled_from([0.001, 1, 90]), min_size=len(kinds), max_size=len(kinds)))
    times = list(accumulate(steps))
    told: list[Told] = []
    said: dict[str, Any] = {"name": "square"}
    for kind, at in zip(kinds, times, strict=True):
        for name in draw(st.sets(st.sampled_from(sorted(SAID)), max_size=2)):
            said[name] = draw(SAID[name])
        if kind == "RUNNING":
            said |= {"run_count": said.get("run_count", 0) + 1, "start_time": said.get("start_time") or moment(at)}
        told.append(Told(run, kind, at, dict(said)))
    return told


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[Told], list[list[int]]]:
    """Some runs' states in their order, and the order in which they arrive: batches of their numbers.

    Each is among them at least once. Some come again, as after a lost connection, with all that was told before.
    """
    runs = draw(st.integers(1, 3))
    told = sorted((x for run in range(runs) for x in draw(lives(run))), key=lambda x: x.at)
    order = draw(st.permutations(range(len(told))))
    again = draw(st.lists(st.integers(0, len(told)), max_size=2))
    arriving = [*order, *(x for cut in again for x in order[:cut])]
    batches, at = [], 0
    while at < len(arriving):
        size = draw(st.integers(1, 6))
        batches.append(arriving[at : at + size])
        at += size
    return told, batches


class Teller:
    """Tells a store of runs of its own: the same stream, told by two, is about different runs."""

    def __init__(self, store: PlainStore, told: Sequence[Told], flow_run_id: str | None) -> None:
        self._store = store
        self.run_ids = [str(uuid4()) for _ in range(1 + max(x.run for x in told))]
        bodies = [event(self.run_ids[x.run], flow_run_id, x.kind, x.at, **x.said) for x in told]
        self.state_ids = [x["id"] for x in bodies]
        self._commands = [command_of(EventBody.model_validate(x), THEN) for x in bodies]

    def tell(self, batch: Sequence[int]) -> None:
        """One transaction with the states of these numbers."""
        outcomes = self._store.write(
            ledger.carry_out, [self._commands[x] for x in batch], lambda: THEN, CHANCE, slot_wait_seconds=30
        )
        assert not [x for x in outcomes if isinstance(x, Exception)]

    def ledger(self) -> dict[str, list[Any]]:
        """All that is kept of its runs, their own ids aside."""
        numbers = {x: number for number, x in enumerate((*self.run_ids, *self.state_ids))}
        found = self._store.read(_kept, self.run_ids)
        return {kind: sorted(repr(_plain(row, numbers)) for row in kept) for kind, kept in found.items()}


def _plain(row: dict[str, Any], numbers: dict[str, int]) -> dict[str, Any]:
    """The numbers of ids in their places, wherever these stand."""
    texts = {name: str(value) for name, value in row.items() if name not in ("seq", "created", "updated")}
    for identity, number in numbers.items():
        texts = {name: text.replace(identity, f"#{number}") for name, text in texts.items()}
    return texts


def _kept(conn: Connection, run_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    states = select(task_run_states.c.id).where(task_run_states.c.task_run_id.in_(run_ids))
    found = {
        "runs": select(task_runs).where(task_runs.c.id.in_(run_ids)),
        "states": select(task_run_states).where(task_run_states.c.task_run_id.in_(run_ids)),
        "tags": select(task_run_tags).where(task_run_tags.c.task_run_id.in_(run_ids)),
        "events": select(events).where(events.c.id.in_(states)),
    }
    return {kind: [dict(x) for x in conn.execute(query).mappings()] for kind, query in found.items()}


def _with_flow_run(conn: Connection) -> str:
    flow_id, flow_run_id = str(uuid4()), str(uuid4())
    times = {"created": THEN, "updated": THEN}
    conn.execute(insert(flows).values(id=flow_id, name=flow_id, tags=[], labels={}, **times))
    empty = dict.fromkeys(("parameters", "context", "labels", "job_variables"), "{}")
    counts = {"run_count": 0, "total_run_time": 0.0, "auto_scheduled": False, "empirical_policy": "{}", "tags": []}
    conn.execute(insert(flow_runs).values(id=flow_run_id, name="flow run", flow_id=flow_id, **times, **empty, **counts))
    sums.rebuild(conn)
    tag_sums.rebuild(conn)
    return flow_run_id


@pytest.fixture(scope="module")
def flow_run_id(plain_store: PlainStore) -> str:
    return plain_store.write(_with_flow_run)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stream=streams(), in_flow=st.booleans())
def test_however_a_stream_arrives_the_ledger_is_the_same(
    plain_store: PlainStore, flow_run_id: str, stream: tuple[list[Told], list[list[int]]], *, in_flow: bool
) -> None:
    """As if each state had come once, in its time: the runs, all their states, tags, events, sums and the queue."""
    told, batches = stream
    owner = flow_run_id if in_flow else None
    plain, disturbed = (Teller(plain_store, told, owner) for _ in range(2))
    for number in range(len(told)):
        plain.tell([number])
    for batch in batches:
        disturbed.tell(batch)
    assert disturbed.ledger() == plain.ledger()
    assert plain_store.read(violations) == []
