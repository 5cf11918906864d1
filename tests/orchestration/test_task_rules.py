"""The rules for task runs, each asked by itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from interlock.orchestration.decision import (
    Abort,
    Enqueue,
    Reject,
    ReleaseSlots,
    RememberCacheKey,
    TakeSlot,
    Verdict,
    Wait,
)
from interlock.orchestration.facts import TagLimit, TaskFacts
from interlock.orchestration.runs import FlowRun, TaskRun, TaskRunPolicy
from interlock.orchestration.states import Proposal, StateType
from interlock.orchestration.task_rules import (
    FLOW_NOT_RUNNING,
    cache_insertion,
    cache_retrieval,
    enqueue_scheduled_tasks,
    handle_task_terminal_state_transitions,
    prevent_running_tasks_from_stopped_flows,
    release_task_concurrency_slots,
    rename_reruns,
    retry_failed_tasks,
    secure_task_concurrency_slots,
    update_flow_run_tracker_on_tasks,
)
from interlock.orchestration.transition import TaskTransition
from tests.orchestration.build import (
    CANCELLED,
    CANCELLING,
    COMPLETED,
    CRASHED,
    FAILED,
    PAUSED,
    PENDING,
    REFERENCE,
    RUNNING,
    SCHEDULED,
    TERMINAL,
    UNPERSISTED,
    a_flow_run,
    a_moment,
    a_state,
    a_task_run,
    in_flow_run,
    later,
    limited,
    propose,
    task_transition,
)


class TestCacheRetrieval:
    cached = replace(
        a_state(COMPLETED, "Nice", data=REFERENCE, cache_key="k", child_flow_run_id="child"), message="done"
    )

    def asked(self, proposal: Proposal, *, is_cached: bool = True) -> Reject | None:
        facts = TaskFacts(cached=self.cached if is_cached else None)
        return cache_retrieval(task_transition(a_task_run(PENDING), proposal), facts, a_moment())

    def test_a_cached_state_is_taken_under_the_name_cached(self) -> None:
        details = self.cached.details
        taken = Proposal(type=COMPLETED, name="Cached", message="done", data=REFERENCE, details=details)
        assert self.asked(propose(RUNNING, cache_key="k")) == Reject("Retrieved state from cache", taken)

    def test_a_run_that_refreshes_the_cache_runs(self) -> None:
        assert self.asked(propose(RUNNING, cache_key="k", refresh_cache=True)) is None

    def test_a_run_without_a_key_or_without_a_cached_state_runs(self) -> None:
        assert self.asked(propose(RUNNING)) is None
        assert self.asked(propose(RUNNING, cache_key="")) is None
        assert self.asked(propose(RUNNING, cache_key="k"), is_cached=False) is None


class TestHandleTaskTerminalStateTransitions:
    def asked(
        self, run: TaskRun, proposed: StateType, facts: TaskFacts | None = None
    ) -> Verdict | TaskTransition | None:
        transition = task_transition(run, propose(proposed))
        return handle_task_terminal_state_transitions(transition, facts or in_flow_run(), a_moment())

    @pytest.mark.parametrize("ended", TERMINAL)
    @pytest.mark.parametrize("proposed", [CRASHED, PAUSED, CANCELLING])
    def test_a_run_that_ended_can_not_crash_pause_or_be_cancelled(self, ended: StateType, proposed: StateType) -> None:
        assert self.asked(a_task_run(ended), proposed) == Abort(f"Run is already {ended}.")

    @pytest.mark.parametrize("data", [REFERENCE, {"type": "literal"}, {"a": 1}, "text", [1], 3, True])
    @pytest.mark.parametrize("proposed", [SCHEDULED, PENDING, RUNNING, COMPLETED, FAILED, CANCELLED])
    def test_a_kept_result_is_final(self, data: object, proposed: StateType) -> None:
        run = a_task_run(a_state(COMPLETED, data=data))
        assert self.asked(run, proposed) == Reject("This run is already completed.")

    @pytest.mark.parametrize("data", [None, UNPERSISTED, {}, [], "", 0])
    def test_without_a_kept_result_a_completed_run_starts_over(self, data: object) -> None:
        answer = self.asked(a_task_run(a_state(COMPLETED, data=data), run_count=2), PENDING)
        assert isinstance(answer, TaskTransition)
        assert answer.run.run_count == 0

    @pytest.mark.parametrize("ended", [FAILED, CRASHED, CANCELLED])
    def test_starting_over_gives_all_retries_back(self, ended: StateType) -> None:
        for proposed in (SCHEDULED, PENDING, RUNNING):
            answer = self.asked(a_task_run(ended, run_count=4, flow_run_run_count=1), proposed)
            assert isinstance(answer, TaskTransition)
            assert answer.run.run_count == 0
            assert answer.proposal.name is None

    def test_going_from_end_to_end_leaves_the_count(self) -> None:
        assert self.asked(a_task_run(FAILED, run_count=4), COMPLETED) is None

    def test_running_in_a_later_attempt_of_the_flow_run_is_retrying(self) -> None:
        run = a_task_run(FAILED, run_count=1, flow_run_run_count=1)
        answer = self.asked(run, RUNNING, in_flow_run(run_count=2))
        assert isinstance(answer, TaskTransition)
        assert answer.proposal.name == "Retrying"


class TestPreventRunningTasksFromStoppedFlows:
    def asked(self, flow_run: FlowRun | None) -> Verdict | None:
        transition = task_transition(a_task_run(PENDING), propose(RUNNING))
        return prevent_running_tasks_from_stopped_flows(transition, TaskFacts(flow_run=flow_run), a_moment())

    def test_in_a_running_flow_run_it_may_start(self) -> None:
        assert self.asked(a_flow_run(RUNNING)) is None

    def test_a_run_whose_flow_run_is_gone_is_left_to_the_rule_that_notes_it(self) -> None:
        assert self.asked(None) is None

    @pytest.mark.parametrize("kind", [None, *(kind for kind in StateType if kind not in (RUNNING, PAUSED))])
    def test_in_any_other_it_may_not(self, kind: StateType | None) -> None:
        assert self.asked(a_flow_run(kind)) == FLOW_NOT_RUNNING

    def test_in_a_paused_one_it_is_not_ready_for_as_long_as_the_pause(self) -> None:
        pause = a_state(PAUSED, pause_timeout=later(60), pause_reschedule=True, pause_key="k")
        not_ready = propose(PAUSED, "NotReady", pause_timeout=later(60), pause_reschedule=True)
        reason = "The flow is paused, new tasks can execute after resuming flow run: flow-run."
        assert self.asked(a_flow_run(pause)) == Reject(reason, not_ready)


class TestSecureTaskConcurrencySlots:
    def asked(self, *limits: TagLimit) -> Verdict | TaskTransition | None:
        transition = task_transition(a_task_run(PENDING), propose(RUNNING))
        return secure_task_concurrency_slots(transition, limited(*limits), a_moment())

    def test_a_free_slot_of_every_limit_is_taken(self) -> None:
        answer = self.asked(TagLimit("a", 2, 1), TagLimit("b", 1, 0))
        assert isinstance(answer, TaskTransition)
        assert set(answer.effects) == {TakeSlot("a", "task-run"), TakeSlot("b", "task-run")}

    def test_while_one_limit_is_full_it_waits_and_takes_none(self) -> None:
        full = Wait("Concurrency limit for the b tag has been reached", 30)
        assert self.asked(TagLimit("a", 2, 1), TagLimit("b", 1, 1)) == full

    def test_how_long_it_waits_is_the_operators_choice(self) -> None:
        facts = TaskFacts(limits=(TagLimit("a", 1, 1),), slot_wait_seconds=7)
        transition = task_transition(a_task_run(PENDING), propose(RUNNING))
        answer = secure_task_concurrency_slots(transition, facts, a_moment())
        assert isinstance(answer, Wait)
        assert answer.delay_seconds == 7

    def test_a_limit_of_zero_can_never_be_met(self) -> None:
        reason = 'The concurrency limit on tag "a" is 0 and will deadlock if the task tries to run again.'
        assert self.asked(TagLimit("a", 0, 0)) == Abort(reason)

    def test_a_run_does_not_wait_for_the_slot_it_holds_and_takes_no_second(self) -> None:
        answer = self.asked(TagLimit("a", 1, 1, held=True), TagLimit("b", 1, 0))
        assert isinstance(answer, TaskTransition)
        assert answer.effects == (TakeSlot("b", "task-run"),)

    def test_a_run_does_not_wait_for_the_slot_its_client_has_a_lease_of(self) -> None:
        """It holds it by itself then, so that it is kept when the lease ends."""
        answer = self.asked(TagLimit("a", 1, 1, leased=True))
        assert isinstance(answer, TaskTransition)
        assert answer.effects == (TakeSlot("a", "task-run"),)

    def test_a_limit_that_is_not_active_limits_nothing(self) -> None:
        assert self.asked(TagLimit("a", 0, 0, active=False)) is None
        answer = self.asked(TagLimit("a", 1, 1, active=False), TagLimit("b", 1, 0))
        assert isinstance(answer, TaskTransition)
        assert answer.effects == (TakeSlot("b", "task-run"),)

    def test_of_several_limits_in_the_way_the_last_by_the_alphabet_is_told(self) -> None:
        for limits in ((TagLimit("a", 0, 0), TagLimit("b", 1, 1)), (TagLimit("b", 1, 1), TagLimit("a", 0, 0))):
            assert isinstance(self.asked(*limits), Wait)
        assert isinstance(self.asked(TagLimit("a", 1, 1), TagLimit("b", 0, 0)), Abort)

    def test_without_a_limit_it_has_no_objection(self) -> None:
        assert self.asked() is None


class TestRetryFailedTasks:
    def asked(self, policy: TaskRunPolicy, run_count: int = 1, *, random: float = 0.5, **details: object) -> object:
        run = a_task_run(RUNNING, empirical_policy=policy, run_count=run_count)
        failure = propose(FAILED, "Custom", message="it broke", data=REFERENCE, cache_key="k", **details)
        return retry_failed_tasks(task_transition(run, failure), in_flow_run(), a_moment(random=random))

    def delay(self, policy: TaskRunPolicy, run_count: int = 1, random: float = 0.5) -> float:
        answer = self.asked(policy, run_count, random=random)
        assert isinstance(answer, Reject)
        assert answer.proposal is not None
        assert answer.proposal.details.scheduled_time is not None
        return (answer.proposal.details.scheduled_time - later(0)).total_seconds()

    def test_a_failure_with_retries_left_becomes_awaiting_retry_with_its_message_and_data(self) -> None:
        retry = propose(SCHEDULED, "AwaitingRetry", message="it broke", data=REFERENCE, scheduled_time=later(5))
        assert self.asked(TaskRunPolicy(retries=1, retry_delay=5)) == Reject("Retrying", retry)

    @pytest.mark.parametrize(("retries", "run_count"), [(None, 1), (0, 1), (1, 2), (3, 4)])
    def test_without_retries_left_it_fails(self, retries: int | None, run_count: int) -> None:
        assert self.asked(TaskRunPolicy(retries=retries), run_count) is None

    def test_a_failure_that_no_retry_can_help_fails(self) -> None:
        assert self.asked(TaskRunPolicy(retries=1), retriable=False) is None
        assert self.asked(TaskRunPolicy(retries=1), retriable=True) is not None

    def test_a_list_gives_the_delay_of_each_retry_and_its_last_entry_all_further_ones(self) -> None:
        policy = TaskRunPolicy(retries=9, retry_delay=[1, 20, 300])
        assert [self.delay(policy, count) for count in (1, 2, 3, 4, 5)] == [1, 20, 300, 300, 300]

    @pytest.mark.parametrize("delay", [None, 0, []])
    def test_without_a_delay_it_is_retried_at_once(self, delay: list[int] | int | None) -> None:
        assert self.delay(TaskRunPolicy(retries=1, retry_delay=delay)) == 0
        assert self.delay(TaskRunPolicy(retries=1, retry_delay=delay, retry_jitter_factor=0.5)) == 0

    @given(
        mean=st.integers(1, 3600),
        factor=st.floats(0.01, 1e4),
        random=st.floats(0, 1, exclude_max=True),
    )
    def test_jitter_never_adds_more_than_its_share(self, mean: int, factor: float, random: float) -> None:
        delay = self.delay(TaskRunPolicy(retries=1, retry_delay=mean, retry_jitter_factor=factor), random=random)
        assert 0 <= delay <= mean * (1 + factor) + 1e-6

    def test_jitter_spreads_delays_about_the_one_asked_for(self) -> None:
        policy = TaskRunPolicy(retries=1, retry_delay=100, retry_jitter_factor=0.5)
        delays = [self.delay(policy, random=step / 1000) for step in range(1000)]
        assert delays == sorted(delays)
        assert min(delays) < 70
        assert max(delays) > 140
        assert 90 < sum(delays) / 1000 < 110


class TestRenameReruns:
    def name(self, run: TaskRun) -> str | None:
        answer = rename_reruns(task_transition(run, propose(RUNNING, "Custom")), in_flow_run(), a_moment())
        return None if answer is None else answer.proposal.name

    def test_the_first_run_keeps_its_name(self) -> None:
        assert self.name(a_task_run(PENDING)) is None

    def test_after_a_failure_with_retries_it_is_retrying(self) -> None:
        assert self.name(a_task_run(a_state(SCHEDULED, "AwaitingRetry"), run_count=1)) == "Retrying"

    @pytest.mark.parametrize("kind", [PENDING, RUNNING, PAUSED, SCHEDULED])
    def test_otherwise_it_is_rerunning(self, kind: StateType) -> None:
        assert self.name(a_task_run(kind, run_count=1)) == "Rerunning"


class TestUpdateFlowRunTrackerOnTasks:
    def asked(self, run: TaskRun, flow_run: FlowRun | None) -> Abort | TaskTransition | None:
        facts = TaskFacts(flow_run=flow_run)
        return update_flow_run_tracker_on_tasks(task_transition(run, propose(RUNNING)), facts, a_moment())

    def test_the_attempt_of_the_flow_run_is_noted(self) -> None:
        answer = self.asked(a_task_run(PENDING), a_flow_run(RUNNING, run_count=3))
        assert isinstance(answer, TaskTransition)
        assert answer.run.flow_run_run_count == 3

    def test_a_background_run_has_none(self) -> None:
        assert self.asked(a_task_run(PENDING, flow_run_id=None), None) is None

    def test_a_run_whose_flow_run_is_gone_does_not_start(self) -> None:
        reason = "Unable to read flow run associated with task run: task-run, this flow run might have been deleted"
        assert self.asked(a_task_run(PENDING), None) == Abort(reason)


def test_a_completed_state_is_remembered_under_its_key_until_it_expires() -> None:
    state = a_state(COMPLETED, cache_key="k", cache_expiration=later(60))
    assert cache_insertion(a_task_run(state)) == RememberCacheKey("k", later(60), state)
    assert cache_insertion(a_task_run(COMPLETED, cache_key="of the run")) is None


def test_a_scheduled_background_run_is_enqueued_for_its_time() -> None:
    run = a_task_run(a_state(SCHEDULED, scheduled_time=later(60)), flow_run_id=None)
    assert enqueue_scheduled_tasks(run) == Enqueue("task-run", "key", later(60))


def test_a_background_run_to_be_retried_goes_to_the_front() -> None:
    run = a_task_run(a_state(SCHEDULED, "AwaitingRetry", scheduled_time=later(0)), flow_run_id=None)
    assert enqueue_scheduled_tasks(run) == Enqueue("task-run", "key", later(0), front=True)


@pytest.mark.parametrize("kind", [kind for kind in StateType if kind not in (RUNNING, CANCELLING)])
def test_a_run_that_does_not_run_gives_back_the_slots_it_holds(kind: StateType) -> None:
    facts = limited(TagLimit("a", 1, 1, held=True), TagLimit("b", 1, 1), TagLimit("c", 2, 2, held=True))
    assert release_task_concurrency_slots(a_task_run(kind), facts) == ReleaseSlots(("a", "c"), "task-run")


@pytest.mark.parametrize("kind", [RUNNING, CANCELLING])
def test_a_run_that_runs_or_is_being_cancelled_keeps_its_slots(kind: StateType) -> None:
    assert release_task_concurrency_slots(a_task_run(kind), limited(TagLimit("a", 1, 1, held=True))) is None
