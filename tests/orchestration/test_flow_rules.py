"""The rules for flow runs, each asked by itself."""

from typing import Any

import pytest

from interlock.orchestration.decision import Abort, Reject
from interlock.orchestration.facts import FlowFacts
from interlock.orchestration.flow_rules import (
    bypass_cancelling_flow_runs_with_no_infra,
    enforce_cancelling_to_cancelled_transition,
    ensure_only_scheduled_flows_marked_late,
    handle_flow_terminal_state_transitions,
    handle_pausing_flows,
    handle_resuming_paused_flows,
    retry_failed_flows,
)
from interlock.orchestration.runs import FlowRun, FlowRunPolicy
from interlock.orchestration.states import State, StateType
from interlock.orchestration.transition import FlowTransition
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
    flow_transition,
    later,
    propose,
)

FACTS = FlowFacts()
PAUSED_BEFORE = FlowRunPolicy(retries=3, pause_keys=("k",), resuming=True, retry_type="in_process")


class TestHandleFlowTerminalStateTransitions:
    def asked(self, run: FlowRun, proposed: StateType, **fields: Any) -> Any:
        transition = flow_transition(run, propose(proposed), **fields)
        return handle_flow_terminal_state_transitions(transition, FACTS, a_moment())

    @pytest.mark.parametrize("ended", TERMINAL)
    @pytest.mark.parametrize("proposed", [CRASHED, PAUSED, CANCELLING])
    def test_a_run_that_ended_can_not_crash_pause_or_be_cancelled(self, ended: StateType, proposed: StateType) -> None:
        assert self.asked(a_flow_run(ended), proposed) == Abort(f"Run is already in terminal state {ended}.")

    @pytest.mark.parametrize("proposed", [SCHEDULED, PENDING, RUNNING])
    def test_a_run_with_a_kept_result_does_not_start_over(self, proposed: StateType) -> None:
        run = a_flow_run(a_state(COMPLETED, data=REFERENCE), deployment_id="deployment")
        assert self.asked(run, proposed) == Reject("Run is already COMPLETED.")

    @pytest.mark.parametrize("proposed", [COMPLETED, FAILED, CANCELLED])
    def test_it_may_end_in_another_way(self, proposed: StateType) -> None:
        assert self.asked(a_flow_run(a_state(COMPLETED, data=REFERENCE)), proposed) is None

    def test_to_be_scheduled_again_takes_a_deployment(self) -> None:
        reason = "Cannot reschedule a run without an associated deployment."
        assert self.asked(a_flow_run(FAILED), SCHEDULED) == Abort(reason)
        assert isinstance(self.asked(a_flow_run(FAILED, deployment_id="d"), SCHEDULED), FlowTransition)

    @pytest.mark.parametrize(("proposed", "retry_type"), [(SCHEDULED, "reschedule"), (PENDING, None), (RUNNING, None)])
    def test_starting_over_forgets_the_pauses(self, proposed: StateType, retry_type: str | None) -> None:
        run = a_flow_run(FAILED, deployment_id="d", empirical_policy=PAUSED_BEFORE)
        for version in (None, (0, 8, 4)):
            answer = self.asked(run, proposed, api_version=version)
            assert answer.run.empirical_policy == FlowRunPolicy(retries=3, retry_type=retry_type)

    def test_clients_that_know_no_pauses_leave_them_alone(self) -> None:
        run = a_flow_run(a_state(COMPLETED, data=UNPERSISTED), empirical_policy=PAUSED_BEFORE)
        assert self.asked(run, RUNNING, api_version=(0, 8, 3)) is None


def test_a_run_being_cancelled_becomes_nothing_but_cancelled() -> None:
    answer = enforce_cancelling_to_cancelled_transition(
        flow_transition(a_flow_run(CANCELLING), propose(RUNNING)), FACTS, a_moment()
    )
    reason = "Cannot transition flows that are cancelling to a state other than Cancelled."
    assert answer == Reject(reason)


class TestBypassCancellingFlowRunsWithNoInfra:
    def asked(self, state: State, **fields: Any) -> Reject | None:
        transition = flow_transition(a_flow_run(state, **fields), propose(CANCELLING))
        return bypass_cancelling_flow_runs_with_no_infra(transition, FACTS, a_moment())

    scheduled = Reject("Scheduled flow run has no infrastructure to terminate.", propose(CANCELLED))
    suspended = Reject("Suspended flow run has no infrastructure to terminate.", propose(CANCELLED))

    def test_a_scheduled_run_without_infrastructure_is_cancelled_at_once(self) -> None:
        assert self.asked(a_state(SCHEDULED)) == self.scheduled

    def test_one_that_has_infrastructure_is_asked_to_stop(self) -> None:
        assert self.asked(a_state(SCHEDULED, "AwaitingRetry"), infrastructure_pid="host:1") is None

    def test_a_resuming_run_has_none_whatever_was_reported_before(self) -> None:
        assert self.asked(a_state(SCHEDULED, "Resuming"), infrastructure_pid="host:1") == self.scheduled

    def test_a_suspended_run_is_cancelled_at_once(self) -> None:
        assert self.asked(a_state(PAUSED, "Suspended", pause_reschedule=True)) == self.suspended

    def test_a_paused_run_is_asked_to_stop(self) -> None:
        assert self.asked(a_state(PAUSED)) is None


class TestEnsureOnlyScheduledFlowsMarkedLate:
    def asked(self, state: StateType | None, name: str | None) -> Reject | None:
        transition = flow_transition(a_flow_run(state), propose(SCHEDULED, name))
        return ensure_only_scheduled_flows_marked_late(transition, FACTS, a_moment())

    def test_a_scheduled_run_can_be_late(self) -> None:
        assert self.asked(SCHEDULED, "Late") is None

    @pytest.mark.parametrize("state", [None, *(kind for kind in StateType if kind is not SCHEDULED)])
    def test_no_other_can(self, state: StateType | None) -> None:
        assert self.asked(state, "Late") == Reject("Only scheduled flows can be marked late.")

    def test_any_run_can_be_scheduled_under_another_name(self) -> None:
        assert self.asked(RUNNING, None) is None


class TestHandlePausingFlows:
    def asked(self, run: FlowRun, name: str | None = None, **details: Any) -> Any:
        return handle_pausing_flows(flow_transition(run, propose(PAUSED, name, **details)), FACTS, a_moment())

    def test_a_running_run_pauses_and_remembers_the_key(self) -> None:
        run = a_flow_run(RUNNING, empirical_policy=FlowRunPolicy(pause_keys=("first",)))
        assert self.asked(run, pause_key="second").run.empirical_policy.pause_keys == ("first", "second")

    def test_a_pause_without_a_key_gets_one_of_its_own(self) -> None:
        assert self.asked(a_flow_run(RUNNING)).run.empirical_policy.pause_keys == ("id-1",)

    def test_each_pause_fires_once(self) -> None:
        run = a_flow_run(RUNNING, empirical_policy=FlowRunPolicy(pause_keys=("k",)))
        assert self.asked(run, pause_key="k") == Reject("This pause has already fired.")
        assert self.asked(run, "Suspended", pause_key="k") == Reject("This suspend has already fired.")

    @pytest.mark.parametrize("state", [kind for kind in StateType if kind is not RUNNING])
    def test_only_a_running_run_pauses(self, state: StateType) -> None:
        assert self.asked(a_flow_run(state)) == Reject("Cannot pause flows that are not currently running.")

    def test_a_run_without_a_state_does_not_pause(self) -> None:
        assert self.asked(a_flow_run(None), "Suspended") == Abort("Cannot suspend flows with no state.")

    def test_a_subflow_is_not_suspended(self) -> None:
        run = a_flow_run(RUNNING, parent_task_run_id="parent", deployment_id="d")
        assert self.asked(run, "Suspended", pause_reschedule=True) == Abort("Cannot suspend subflows.")

    def test_to_be_suspended_takes_a_deployment(self) -> None:
        answer = self.asked(a_flow_run(RUNNING), "Suspended", pause_reschedule=True)
        assert answer == Abort("Cannot suspend flows without a deployment.")
        assert isinstance(self.asked(a_flow_run(RUNNING, deployment_id="d"), pause_reschedule=True), FlowTransition)


class TestHandleResumingPausedFlows:
    def asked(self, pause: State, proposed: StateType, name: str | None = None, **fields: Any) -> FlowTransition:
        transition = flow_transition(a_flow_run(pause, **fields), propose(proposed, name))
        return handle_resuming_paused_flows(transition, FACTS, a_moment())

    @pytest.mark.parametrize("proposed", [RUNNING, SCHEDULED, *TERMINAL])
    def test_a_paused_run_goes_on_is_scheduled_or_ends(self, proposed: StateType) -> None:
        assert self.asked(a_state(PAUSED, pause_timeout=later(1)), proposed).is_written

    @pytest.mark.parametrize("proposed", [PENDING, PAUSED, CANCELLING])
    def test_it_goes_nowhere_else(self, proposed: StateType) -> None:
        reason = f"This run cannot transition to the StateType.{proposed} state from the StateType.PAUSED state."
        assert self.asked(a_state(PAUSED), proposed).verdict == Reject(reason)

    def test_a_suspended_run_goes_on_only_with_a_deployment(self) -> None:
        suspended = a_state(PAUSED, "Suspended", pause_reschedule=True)
        reason = "Cannot reschedule a resuming flow run without a deployment."
        assert self.asked(suspended, SCHEDULED, "Resuming").verdict == Reject(reason)
        assert self.asked(suspended, SCHEDULED, "Resuming", deployment_id="d").is_written

    def test_after_its_time_a_pause_is_a_failure(self) -> None:
        answer = self.asked(a_state(PAUSED, pause_timeout=later(-1)), RUNNING)
        failure = propose(FAILED, message="The flow was running and never resumed.")
        assert answer.verdict == Reject("The flow run pause has timed out and can no longer resume.", failure)
        assert answer.proposal == failure

    def test_at_its_very_time_it_still_goes_on(self) -> None:
        assert self.asked(a_state(PAUSED, pause_timeout=later(0)), RUNNING).proposal == propose(RUNNING)

    def test_whatever_the_answer_the_run_is_marked_as_resuming(self) -> None:
        timed_out = a_state(PAUSED, pause_timeout=later(-1))
        for pause, proposed in ((a_state(PAUSED), RUNNING), (a_state(PAUSED), PENDING), (timed_out, RUNNING)):
            assert self.asked(pause, proposed).is_resuming


class TestRetryFailedFlows:
    def asked(self, policy: FlowRunPolicy, run_count: int = 1, **fields: Any) -> FlowTransition | None:
        run = a_flow_run(RUNNING, empirical_policy=policy, run_count=run_count)
        failure = propose(FAILED, "Custom", message="it broke", data=REFERENCE)
        return retry_failed_flows(flow_transition(run, failure, **fields), FACTS, a_moment())

    def test_a_failure_with_retries_left_becomes_awaiting_retry_with_its_message_and_data(self) -> None:
        answer = self.asked(FlowRunPolicy(retries=1, retry_delay=5))
        retry = propose(SCHEDULED, "AwaitingRetry", message="it broke", data=REFERENCE, scheduled_time=later(5))
        assert answer is not None
        assert answer.verdict == Reject("Retrying", retry)
        assert answer.proposal == retry

    @pytest.mark.parametrize(("retries", "run_count"), [(None, 1), (0, 1), (2, 3)])
    def test_without_retries_left_it_fails(self, retries: int | None, run_count: int) -> None:
        assert self.asked(FlowRunPolicy(retries=retries), run_count) is None

    def test_without_a_delay_it_is_retried_at_once(self) -> None:
        answer = self.asked(FlowRunPolicy(retries=1))
        assert answer is not None
        assert answer.proposal.details.scheduled_time == later(0)

    def test_a_retry_forgets_the_pauses_where_the_client_knows_them(self) -> None:
        forgotten = FlowRunPolicy(retries=3, retry_type="in_process")
        for version, policy in ((None, forgotten), ((0, 8, 4), forgotten), ((0, 8, 3), PAUSED_BEFORE)):
            answer = self.asked(PAUSED_BEFORE, api_version=version)
            assert answer is not None
            assert answer.run.empirical_policy == policy

    def test_only_for_clients_below_0_8_3_the_server_retries_the_task_runs(self) -> None:
        for version, retries in ((None, False), ((0, 8, 4), False), ((0, 8, 3), False), ((0, 8, 2), True)):
            answer = self.asked(FlowRunPolicy(retries=1), api_version=version)
            assert answer is not None
            assert answer.retries_task_runs is retries
