"""The queue's decisions: what a state means for a run's place in it, and who is given which run."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from interlock.orchestration.runs import TaskRun
from interlock.orchestration.states import State, StateDetails, StateType
from interlock.orchestration.task_queue import QueueChange, Turns, Waiting, assign, queue_change
from tests.builders import THEN, task_run_draft

KEYS = "abc"
WORKERS = st.lists(st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True).map(tuple), max_size=8).map(
    lambda keys: [Waiting(str(i), x) for i, x in enumerate(keys)]
)
READY = st.dictionaries(st.sampled_from(KEYS), st.integers(0, 4))


def run_in(state_type: StateType, flow_run_id: str | None = None, *, deferred: bool | None = None) -> TaskRun:
    details = StateDetails(deferred=deferred)
    state = State(id="state", type=state_type, name="any", timestamp=THEN, details=details)
    return replace(task_run_draft("run", flow_run_id), state=state)


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("SCHEDULED", "PENDING", QueueChange.TAKEN),
        ("SCHEDULED", "RUNNING", QueueChange.TAKEN),
        ("SCHEDULED", "CANCELLED", QueueChange.DONE),
        ("PENDING", "RUNNING", None),
        ("RUNNING", "COMPLETED", QueueChange.DONE),
        ("RUNNING", "SCHEDULED", None),
        ("SCHEDULED", "SCHEDULED", QueueChange.TAKEN),
    ],
)
def test_a_run_is_taken_once_and_done_with_at_its_end(before: str, after: str, change: QueueChange | None) -> None:
    assert queue_change(run_in(StateType(after)), run_in(StateType(before))) == change


def test_a_run_of_a_flow_has_a_place_only_while_it_is_deferred() -> None:
    """Its worker retries it by itself, so it is done with as soon as it has gone on."""
    pending = run_in(StateType.PENDING, "flow run")
    assert queue_change(pending, run_in(StateType.SCHEDULED, "flow run")) is None
    assert queue_change(pending, run_in(StateType.SCHEDULED, "flow run", deferred=True)) == QueueChange.DONE
    assert queue_change(run_in(StateType.RUNNING, "flow run"), pending) is None


def test_a_run_whose_flow_run_becomes_known_is_done_with() -> None:
    assert queue_change(run_in(StateType.RUNNING, "flow run"), run_in(StateType.PENDING)) == QueueChange.DONE


def test_a_first_state_changes_nothing() -> None:
    assert queue_change(run_in(StateType.COMPLETED), None) is None
    assert queue_change(run_in(StateType.COMPLETED), task_run_draft("run", None)) is None


@given(WORKERS, READY)
def test_a_run_goes_to_one_worker_who_wants_it_and_none_is_left_over(
    waiting: list[Waiting], ready: dict[str, int]
) -> None:
    """No key gives more runs than it has, and no worker goes without while there is one that it wants."""
    assigned = assign(waiting, ready)
    given_keys = {worker_id: key for key, worker_ids in assigned.items() for worker_id in worker_ids}
    assert len(given_keys) == sum(map(len, assigned.values()))
    left = Counter(ready)
    left.subtract(given_keys.values())
    assert min(left.values(), default=0) >= 0
    for worker in waiting:
        if worker.worker_id in given_keys:
            assert given_keys[worker.worker_id] in worker.task_keys
        else:
            assert all(left[key] == 0 for key in worker.task_keys)


def test_who_waits_longest_is_served_first_with_the_first_of_its_keys() -> None:
    waiting = [Waiting("1", "ab"), Waiting("2", "ab"), Waiting("3", "a")]
    assert assign(waiting, {"a": 1, "b": 5}) == {"a": ["1"], "b": ["2"]}


def test_keys_are_served_in_the_order_in_which_they_were_given() -> None:
    turns = Turns(["b", "a", "b"])
    assert turns.order() == ("b", "a")


@given(st.integers(2, 5))
def test_a_full_key_in_front_does_not_starve_the_others(count: int) -> None:
    """With all keys full, each has its turn within ten runs for each key."""
    turns = Turns(map(str, range(count)))
    served: Counter[str] = Counter()
    for _ in range(10 * count):
        key = turns.order()[0]
        turns.take(key)
        served[key] += 1
    assert len(served) == count
    assert served["0"] >= 8 * count
