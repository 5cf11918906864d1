"""States that clients tell of: what becomes of the run, one state after another."""

from typing import Any

import pytest

from interlock.orchestration.batch import WorkingSet, decide_batch
from interlock.orchestration.commands import RecordTaskRunState
from interlock.orchestration.decision import TaskDecision
from interlock.orchestration.refusals import ConflictError
from interlock.orchestration.runs import TaskRun
from interlock.orchestration.states import StateDetails, StateType
from interlock.orchestration.task_queue import QueueChange
from tests.builders import recording
from tests.orchestration.build import (
    CANCELLING,
    COMPLETED,
    NOW,
    PENDING,
    RUNNING,
    SCHEDULED,
    a_chance,
    a_flow_run,
    a_limit,
    a_state,
    a_task_run,
    later,
)

LATE = later(1000)


def tell(kind: StateType, at: float = 0, **fields: Any) -> RecordTaskRunState:
    """A state of the run "run" in the flow run "flow-run", whose id names its type and second."""
    told = {"task_run_id": "run", "flow_run_id": "flow-run", "state_id": f"{kind.value} {at}", "dynamic_key": "0"}
    return recording(kind=kind, at=later(at), **told | fields)


@pytest.fixture
def facts() -> WorkingSet:
    facts = WorkingSet()
    facts.add_flow_run(a_flow_run(RUNNING, run_count=1))
    return facts


def outcomes_of(facts: WorkingSet, *commands: RecordTaskRunState) -> list[Any]:
    return list(decide_batch(commands, facts, lambda: LATE, a_chance()))


def told(facts: WorkingSet, *commands: RecordTaskRunState) -> TaskRun:
    """The run after these states."""
    outcomes = outcomes_of(facts, *commands)
    assert isinstance(outcomes[-1], TaskDecision), outcomes[-1]
    return outcomes[-1].run


def stored(facts: WorkingSet) -> list[str]:
    return [x.id for x in facts.new_task_run_states]


def test_a_first_state_makes_the_run(facts: WorkingSet) -> None:
    """As its client says it is, made when the server hears of it."""
    run = told(facts, tell(RUNNING, 5, run_count=1, start_time=later(5), tags=("a",), task_key="t"))
    assert (run.id, run.flow_run_id, run.task_key, run.dynamic_key) == ("run", "flow-run", "t", "0")
    assert (run.run_count, run.start_time, run.tags, run.created) == (1, later(5), ("a",), LATE)
    assert run.state is not None
    assert (run.state.id, run.state.timestamp, run.state.details.task_run_id) == ("RUNNING 5", later(5), "run")
    assert facts.created_task_runs == {"run"}


def test_a_newer_state_brings_what_is_said_with_it(facts: WorkingSet) -> None:
    """The rest stays as it was; what is said to be nothing is nothing."""
    first = tell(RUNNING, 5, run_count=1, start_time=later(5), cache_key="k", task_version="v", tags=("a",))
    run = told(facts, first, tell(COMPLETED, 8, end_time=later(8), cache_key=None, total_run_time=3.0))
    assert (run.run_count, run.start_time, run.task_version, run.tags) == (1, later(5), "v", ("a",))
    assert (run.end_time, run.total_run_time, run.cache_key) == (later(8), 3.0, None)
    assert run.state is not None
    assert run.state.type is COMPLETED


@pytest.mark.parametrize("at", [2, 5])
def test_a_state_that_is_not_newer_is_kept_and_changes_nothing(facts: WorkingSet, at: float) -> None:
    """Be it older or of the same instant."""
    before = told(facts, tell(COMPLETED, 5, run_count=1))
    assert told(facts, tell(RUNNING, at, run_count=7, start_time=later(2))) is before
    assert stored(facts) == ["COMPLETED 5", f"RUNNING {at}"]
    assert facts.new_task_run_states[1].details.task_run_id == "run"


def test_a_state_is_kept_once(facts: WorkingSet) -> None:
    """Told of again in the same batch or known from before, with whatever time."""
    facts.known_states.add("known")
    before = told(facts, tell(RUNNING, 5), tell(RUNNING, 5))
    assert told(facts, tell(COMPLETED, 9, state_id="known")) is before
    assert stored(facts) == ["RUNNING 5"]


def test_a_known_state_of_no_run_at_hand_is_another_runs(facts: WorkingSet) -> None:
    """It can't be kept twice."""
    facts.known_states.add("known")
    (outcome,) = outcomes_of(facts, tell(COMPLETED, state_id="known"))
    assert isinstance(outcome, ConflictError)


def test_a_run_of_the_same_keys_takes_the_states_of_another_id(facts: WorkingSet) -> None:
    """They name the run under whose id they are kept."""
    facts.add_task_run(a_task_run(PENDING, id="first"))
    run = told(facts, tell(RUNNING, 5, task_key="key", run_count=1))
    assert (run.id, run.run_count) == ("first", 1)
    assert [x.details.task_run_id for x in facts.new_task_run_states] == ["first"]
    assert facts.created_task_runs == set()


def test_a_run_may_take_other_keys(facts: WorkingSet) -> None:
    """Its later states find it under these, and a new run may have the old ones."""
    told(facts, tell(PENDING, 0), tell(RUNNING, 5, dynamic_key="other"))
    assert told(facts, tell(COMPLETED, 8, task_run_id="another id", dynamic_key="other")).id == "run"
    assert told(facts, tell(PENDING, 0, task_run_id="new", state_id="new")).id == "new"


def test_a_run_keeps_its_keys_where_another_has_the_new_ones(facts: WorkingSet) -> None:
    """Without a flow run it is told by its id first."""
    facts.add_task_run(a_task_run(PENDING, id="first", flow_run_id=None))
    run = told(facts, tell(PENDING, 0), tell(RUNNING, 5, flow_run_id=None, task_key="key", run_count=1))
    assert (run.id, run.task_key, run.flow_run_id, run.run_count) == ("run", "task", "flow-run", 1)


def test_a_run_leaves_the_flow_run_that_is_named_no_more(facts: WorkingSet) -> None:
    """As in the peer."""
    assert told(facts, tell(PENDING, 0), tell(RUNNING, 5, flow_run_id=None)).flow_run_id is None


def test_an_unknown_flow_run_is_named_in_the_key(facts: WorkingSet) -> None:
    """So that its runs are not taken for those of another one; the state says what it is."""
    first = told(facts, tell(PENDING, 0, flow_run_id="unknown"))
    second = told(facts, tell(PENDING, 0, flow_run_id="unheard-of", task_run_id="second", state_id="second"))
    assert (first.flow_run_id, first.dynamic_key) == (None, "unknown/0")
    assert (second.id, second.dynamic_key) == ("second", "unheard-of/0")
    assert first.state is not None
    assert first.state.details.flow_run_id == "unknown"


def test_a_run_joins_its_flow_run_once_that_is_known(facts: WorkingSet) -> None:
    """With its next state."""
    told(facts, tell(PENDING, 0, flow_run_id="later"))
    facts.add_flow_run(a_flow_run(RUNNING, id="later"))
    run = told(facts, tell(RUNNING, 5, flow_run_id="later"))
    assert (run.id, run.flow_run_id, run.dynamic_key) == ("run", "later", "0")


@pytest.mark.parametrize(
    ("kind", "tags", "holders"),
    [
        (COMPLETED, ("a",), set()),
        (PENDING, ("a",), set()),
        (RUNNING, ("a",), {"task-run"}),
        (CANCELLING, ("a",), {"task-run"}),
        (RUNNING, ("b",), set()),
    ],
)
def test_slots_are_given_back_and_never_taken(
    facts: WorkingSet, kind: StateType, tags: tuple[str, ...], holders: set[str]
) -> None:
    """When the run stops, or loses the tag. The client has made sure that it may run."""
    facts.add_task_run(a_task_run(RUNNING, tags=("a",)))
    for x in "ab":
        facts.add_limit(a_limit(x, {"task-run"} if x == "a" else set()))
    told(facts, tell(kind, 5, task_run_id="task-run", tags=tags, dynamic_key="0", task_key="key"))
    assert {x: limit.holders for x, limit in facts.limits.items()} == {"a": holders, "b": set()}


def test_a_stale_end_gives_no_slot_back(facts: WorkingSet) -> None:
    """The run goes on in the newer state."""
    facts.add_task_run(a_task_run(a_state(RUNNING, at=10), tags=("a",)))
    facts.add_limit(a_limit("a", {"task-run"}))
    told(facts, tell(COMPLETED, 5, task_run_id="task-run", task_key="key"))
    assert facts.limits["a"].holders == {"task-run"}


def deferred(at: float = 0, **fields: Any) -> RecordTaskRunState:
    details = StateDetails(deferred=True, scheduled_time=later(60))
    return tell(SCHEDULED, at, flow_run_id=None, details=details, **fields)


def test_a_deferred_run_is_queued(facts: WorkingSet) -> None:
    """For the time that it is scheduled for."""
    run = told(facts, deferred())
    assert (facts.enqueued["run"].due, facts.enqueued["run"].task_key) == (later(60), "task")
    assert run.next_scheduled_start_time == later(60)


def test_a_run_that_is_queued_is_not_queued_again(facts: WorkingSet) -> None:
    """The event of the state that its creation led to is no news, be the run taken meanwhile or not."""
    facts.known_states.add("created")
    facts.add_task_run(a_task_run(SCHEDULED, id="run", flow_run_id=None))
    told(facts, deferred(state_id="created"), tell(PENDING, 5, flow_run_id=None), deferred(state_id="created"))
    assert facts.enqueued == {}
    assert facts.queue_changes == {"run": QueueChange.TAKEN}


def test_a_run_that_was_taken_is_not_queued_by_a_late_event(facts: WorkingSet) -> None:
    """Its first PENDING or RUNNING state has overtaken the SCHEDULED one."""
    told(facts, tell(PENDING, 5, flow_run_id=None), deferred(at=2))
    assert facts.enqueued == {}
    assert stored(facts) == ["PENDING 5", "SCHEDULED 2"]


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (SCHEDULED, QueueChange.TAKEN),
        (PENDING, QueueChange.TAKEN),
        (RUNNING, QueueChange.TAKEN),
        (COMPLETED, QueueChange.DONE),
    ],
)
def test_no_other_worker_is_given_a_run_that_has_gone_on(
    facts: WorkingSet, kind: StateType, change: QueueChange
) -> None:
    """Whichever state it is that follows the deferred one: whoever tells of it works on the run, or waits to."""
    told(facts, deferred(), tell(kind, 5, flow_run_id=None))
    assert facts.enqueued == {}
    assert facts.queue_changes == {"run": change}


def test_who_waits_itself_queues_nothing(facts: WorkingSet) -> None:
    """A retry that its client waits for is not deferred. It is for the time it tells of, where it names none."""
    run = told(facts, tell(SCHEDULED, 5, state_name="AwaitingRetry", flow_run_id=None))
    assert facts.enqueued == {}
    assert run.state is not None
    assert run.state.details.scheduled_time == later(5)


def test_the_time_of_a_change_is_the_servers(facts: WorkingSet) -> None:
    """The state's is its client's, however its clock goes."""
    run = told(facts, tell(RUNNING, 5))
    assert (run.updated, run.state and run.state.timestamp) == (LATE, later(5))
    assert NOW < later(5) < LATE
