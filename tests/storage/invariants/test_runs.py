"""Every invariant of runs and their states is told when it is broken, and no other."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Table, delete, select, update

from interlock.storage.invariants import runs
from interlock.storage.tables import events, flow_run_states, flow_runs, task_run_queue, task_run_states, task_runs
from tests.storage.invariants.ledgers import (
    ENDED_FLOW_RUN,
    ENDED_TASK_RUN,
    NEW_FLOW_RUN,
    NEW_TASK_RUN,
    NOWHERE,
    QUEUED_TASK_RUN,
    SUBFLOW,
    Break,
    Breakable,
)

SECOND = timedelta(seconds=1)
TRANSITION = "00000000-0000-7000-9000-00000000aaaa"


class Noun(NamedTuple):
    """One kind of run: its tables, a run that ended and one without a state."""

    name: str
    runs: Table
    states: Table
    ended: str
    new: str

    @property
    def owner(self) -> str:
        return f"{self.name.replace('-', '_')}_id"

    def state(self, ledger: Breakable, state_type: str) -> dict[str, Any]:
        """A state of the run that ended."""
        return ledger.row(self.states, **{self.owner: self.ended, "type": state_type})


NOUNS = (
    Noun("task-run", task_runs, task_run_states, ENDED_TASK_RUN, NEW_TASK_RUN),
    Noun("flow-run", flow_runs, flow_run_states, ENDED_FLOW_RUN, NEW_FLOW_RUN),
)


def breaks_of(noun: Noun) -> Iterator[Break]:
    """Ways to break what holds for both kinds of run."""

    def names_no_state(ledger: Breakable) -> str:
        return ledger.change(noun.runs, noun.ended, state_id=NOWHERE)

    def names_a_state_of_another(ledger: Breakable) -> str:
        other = ledger.row(noun.runs, id=noun.new)
        state = noun.state(ledger, "COMPLETED")
        other |= {"id": NOWHERE, "name": "other", "tags": []} | {x: "other" for x in ("dynamic_key",) if x in other}
        ledger.copy(noun.runs, other)
        ledger.copy(noun.states, state, **{"id": NOWHERE, noun.owner: NOWHERE})
        copied = {"state_id": NOWHERE, "state_type": "COMPLETED", "state_name": "Completed"}
        times = {"state_timestamp": state["timestamp"], "expected_start_time": state["timestamp"]}
        ledger.change(noun.runs, NOWHERE, **copied, **times)
        return ledger.change(noun.runs, noun.ended, state_id=NOWHERE)

    def has_a_wrong_name(ledger: Breakable) -> str:
        return ledger.change(noun.runs, noun.ended, state_name="Wrong")

    def has_no_name(ledger: Breakable) -> str:
        return ledger.change(noun.runs, noun.ended, state_name=None)

    def missed_a_state(ledger: Breakable) -> str:
        state = noun.state(ledger, "COMPLETED")
        ledger.copy(noun.states, state, id=NOWHERE, timestamp=state["timestamp"] + SECOND, transition_id=None)
        return noun.ended

    def missed_a_state_of_the_same_instant(ledger: Breakable) -> str:
        ledger.copy(noun.states, noun.state(ledger, "COMPLETED"), id=NOWHERE.replace("0", "f"), transition_id=None)
        return noun.ended

    def has_attempts_before_any_state(ledger: Breakable) -> str:
        return ledger.change(noun.runs, noun.new, run_count=1)

    def starts_before_any_state(ledger: Breakable) -> str:
        return ledger.change(noun.runs, noun.new, expected_start_time=ledger.row(noun.runs, id=noun.new)["created"])

    def is_expected_at_no_time(ledger: Breakable) -> str:
        return ledger.change(noun.runs, noun.ended, expected_start_time=None)

    def is_due_after_its_end(ledger: Breakable) -> str:
        return ledger.change(noun.runs, noun.ended, next_scheduled_start_time=_ended(ledger)["end_time"])

    def _ended(ledger: Breakable) -> dict[str, Any]:
        return ledger.row(noun.runs, id=noun.ended)

    def lost_an_attempt(ledger: Breakable) -> str:
        return ledger.change(noun.runs, noun.ended, run_count=0)

    def counts_one_too_many(ledger: Breakable) -> str:
        return ledger.change(noun.runs, noun.ended, run_count=2)

    def lost_its_start(ledger: Breakable) -> str:
        ledger.change(noun.runs, noun.ended, end_time=None)
        return ledger.change(noun.runs, noun.ended, start_time=None)

    def started_later(ledger: Breakable) -> str:
        return ledger.change(noun.runs, noun.ended, start_time=_ended(ledger)["start_time"] + SECOND)

    def lost_its_end(ledger: Breakable) -> str:
        return ledger.change(noun.runs, noun.ended, end_time=None)

    def ended_before_it_did(ledger: Breakable) -> str:
        return ledger.change(noun.runs, noun.ended, end_time=_ended(ledger)["start_time"] - SECOND)

    def ended_after_it_did(ledger: Breakable) -> str:
        return ledger.change(noun.runs, noun.ended, end_time=_ended(ledger)["end_time"] + SECOND)

    def ran_longer(ledger: Breakable) -> str:
        return ledger.change(noun.runs, noun.ended, total_run_time=_ended(ledger)["total_run_time"] + 0.001)

    ways = {
        "state-missing": (names_no_state, names_a_state_of_another),
        "state-copy": (has_a_wrong_name, has_no_name),
        "state-outdated": (missed_a_state, missed_a_state_of_the_same_instant),
        "without-state": (has_attempts_before_any_state, starts_before_any_state),
        "expected-start": (is_expected_at_no_time,),
        "next-start": (is_due_after_its_end,),
        "run-count": (lost_an_attempt, counts_one_too_many),
        "start-time": (started_later,),
        "end-time": (lost_its_end, ended_before_it_did, ended_after_it_did),
        "total-run-time": (ran_longer,),
    }
    for invariant, acts in ways.items():
        for act in acts:
            yield Break(f"{noun.name}-{invariant}", act.__name__, act)


def belongs_to_no_attempt(ledger: Breakable) -> str:
    return ledger.change(task_runs, ENDED_TASK_RUN, flow_run_run_count=2)


def is_not_queued(ledger: Breakable) -> str:
    ledger.conn.execute(delete(task_run_queue))
    return QUEUED_TASK_RUN


def moved_twice_for_one_request(ledger: Breakable) -> str:
    mine = task_run_states.c.task_run_id == ENDED_TASK_RUN
    repeated = task_run_states.c.type.in_(["RUNNING", "COMPLETED"])
    ledger.conn.execute(update(task_run_states).where(mine, repeated).values(transition_id=TRANSITION))
    return ENDED_TASK_RUN


def lost_its_parent(ledger: Breakable) -> str:
    return ledger.change(flow_runs, SUBFLOW, parent_task_run_id=NOWHERE)


def went_on_without_its_parent(ledger: Breakable) -> str:
    state = ledger.row(flow_run_states, flow_run_id=SUBFLOW)
    later = state["timestamp"] + SECOND
    ledger.change(flow_run_states, state["id"], timestamp=later)
    return ledger.change(flow_runs, SUBFLOW, state_timestamp=later)


BREAKS = [
    *(x for noun in NOUNS for x in breaks_of(noun)),
    Break("task-run-flow-attempt", "belongs_to_no_attempt", belongs_to_no_attempt),
    Break("background-run-unqueued", "is_not_queued", is_not_queued),
    Break("task-run-transition-twice", "moved_twice_for_one_request", moved_twice_for_one_request),
    Break("subflow-parent-missing", "lost_its_parent", lost_its_parent),
    Break("subflow-unfollowed", "went_on_without_its_parent", went_on_without_its_parent),
]


@pytest.mark.parametrize("way", BREAKS, ids=str)
def test_what_is_broken_is_told_and_nothing_else(way: Break, ledger: Breakable) -> None:
    """With the run that it is about."""
    example = way.act(ledger)
    assert ledger.found() == {way.invariant: (1, (example,))}


def test_every_invariant_is_broken_in_some_way() -> None:
    """None is there that no test has seen at work."""
    assert {x.name for scan in runs.scans() for x in scan.invariants} == {x.invariant for x in BREAKS}


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.name)
def test_a_run_that_lost_all_its_states_is_told(noun: Noun, ledger: Breakable) -> None:
    """Its current state is one of them."""
    are_its_own = noun.states.c[noun.owner] == noun.ended
    its_events = delete(events).where(events.c.id.in_(select(noun.states.c.id).where(are_its_own)))
    ledger.conn.execute(its_events)
    ledger.conn.execute(delete(noun.states).where(are_its_own))
    assert ledger.found() == {f"{noun.name}-state-missing": (1, (noun.ended,))}


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.name)
def test_a_run_that_lost_an_update_is_told_by_all_that_went_with_it(noun: Noun, ledger: Breakable) -> None:
    """The state of the end was written, and the row not: it is as it was while the run was RUNNING."""
    running = noun.state(ledger, "RUNNING")
    reference = {f"state_{x}": running[x] for x in ("id", "type", "name", "timestamp")}
    ledger.change(noun.runs, noun.ended, **reference, end_time=None, total_run_time=0.0)
    wrong = ("state-outdated", "total-run-time")
    assert ledger.found() == {f"{noun.name}-{x}": (1, (noun.ended,)) for x in wrong}


def test_many_violations_are_counted_and_ten_of_them_named(ledger: Breakable) -> None:
    """However many there are."""
    row = ledger.row(task_runs, id=NEW_TASK_RUN) | {"tags": []}
    for number in range(25):
        ledger.copy(task_runs, row, id=f"{NOWHERE[:-2]}{number:02d}", dynamic_key=f"{number}", run_count=1)
    (count, examples), *others = ledger.found().values()
    assert not others
    assert count == 25
    assert len(set(examples)) == 10
