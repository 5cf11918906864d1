"""The rules that task runs and flow runs share, each asked by itself."""

import pytest

from interlock.orchestration.decision import Abort, Wait
from interlock.orchestration.facts import TaskFacts
from interlock.orchestration.shared_rules import (
    add_unknown_result,
    copy_scheduled_time,
    prevent_pending_transitions,
    repeats,
    wait_for_scheduled_time,
)
from interlock.orchestration.states import State
from interlock.orchestration.transition import TaskTransition
from tests.orchestration.build import (
    CANCELLED,
    CANCELLING,
    COMPLETED,
    FAILED,
    PENDING,
    REFERENCE,
    RUNNING,
    SCHEDULED,
    UNPERSISTED,
    a_moment,
    a_state,
    a_task_run,
    later,
    propose,
    task_transition,
)

FACTS = TaskFacts()


class TestRepeats:
    def test_the_request_that_led_to_the_current_state_is_recognised(self) -> None:
        assert repeats(a_state(RUNNING, transition_id="t1"), propose(RUNNING, transition_id="t1"), FACTS)

    def test_also_where_another_state_was_put_in_the_place_of_the_one_it_asked_for(self) -> None:
        current = a_state(SCHEDULED, "AwaitingRetry", transition_id="t1")
        assert repeats(current, propose(FAILED, transition_id="t1"), FACTS)

    def test_and_where_other_states_came_after(self) -> None:
        current = a_state(COMPLETED, transition_id="t2")
        assert repeats(current, propose(RUNNING, transition_id="t1"), TaskFacts(repeated=True))

    @pytest.mark.parametrize(
        ("before", "now"), [("t1", "t2"), (None, "t2"), ("t1", None), (None, None)], ids=lambda x: x or "none"
    )
    def test_another_request_goes_ahead(self, before: str | None, now: str | None) -> None:
        current = a_state(RUNNING, transition_id=before)
        assert not repeats(current, propose(RUNNING, transition_id=now), FACTS)

    def test_a_first_state_repeats_nothing(self) -> None:
        assert not repeats(None, propose(RUNNING, transition_id="t1"), FACTS)


@pytest.mark.parametrize("current", [PENDING, RUNNING, CANCELLING, CANCELLED])
def test_a_submitted_run_is_not_submitted_again(current: str) -> None:
    transition = task_transition(a_task_run(current), propose(PENDING))
    reason = f"This run is in a {current} state and cannot transition to a PENDING state."
    assert prevent_pending_transitions(transition, FACTS, a_moment()) == Abort(reason)


class TestCopyScheduledTime:
    def test_pending_inherits_the_scheduled_time(self) -> None:
        transition = task_transition(a_task_run(a_state(SCHEDULED, scheduled_time=later(60))), propose(PENDING))
        copied = copy_scheduled_time(transition, FACTS, a_moment())
        assert copied is not None
        assert copied.proposal == propose(PENDING, scheduled_time=later(60))

    def test_a_scheduled_time_of_its_own_is_kept(self) -> None:
        current = a_state(SCHEDULED, scheduled_time=later(60))
        transition = task_transition(a_task_run(current), propose(PENDING, scheduled_time=later(5)))
        assert copy_scheduled_time(transition, FACTS, a_moment()) is None


class TestWaitForScheduledTime:
    def asked(self, current: State, at: float = 0) -> Wait | None:
        transition = task_transition(a_task_run(current), propose(RUNNING))
        return wait_for_scheduled_time(transition, FACTS, a_moment(at))

    @pytest.mark.parametrize(
        ("seconds", "wait"), [(0.500001, 1), (1.5, 1), (1.500001, 2), (2.5, 2), (59.9, 60), (86400 * 400, 86400 * 400)]
    )
    def test_the_wait_is_in_whole_seconds_with_half_a_second_rounded_down(self, seconds: float, wait: int) -> None:
        current = a_state(SCHEDULED, scheduled_time=later(seconds))
        assert self.asked(current) == Wait("Scheduled time is in the future", wait)

    @pytest.mark.parametrize("seconds", [0.5, 0.4, 0, -0.6, -3600])
    def test_half_a_second_early_is_early_enough(self, seconds: float) -> None:
        assert self.asked(a_state(SCHEDULED, scheduled_time=later(seconds))) is None

    def test_a_pending_run_waits_for_the_time_it_inherited(self) -> None:
        current = a_state(PENDING, scheduled_time=later(10))
        assert self.asked(current, at=4) == Wait("Scheduled time is in the future", 6)

    def test_without_a_scheduled_time_there_is_no_wait(self) -> None:
        assert self.asked(a_state(PENDING)) is None


class TestAddUnknownResult:
    def asked(self, data: object) -> TaskTransition | None:
        transition = task_transition(a_task_run(a_state(FAILED, data=data)), propose(COMPLETED, data={"mine": 1}))
        return add_unknown_result(transition, FACTS, a_moment())

    def test_the_result_of_a_failure_forced_to_be_complete_is_unknown(self) -> None:
        answer = self.asked(REFERENCE)
        assert answer is not None
        assert answer.proposal.data["type"] == "unknown"
        assert answer.proposal.data["value"] is None

    @pytest.mark.parametrize("data", [None, UNPERSISTED, {"type": "literal"}, {}, "text", ["reference"], 3])
    def test_without_a_stored_result_the_proposed_data_stays(self, data: object) -> None:
        assert self.asked(data) is None
