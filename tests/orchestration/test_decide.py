"""The four entry points: which policy applies, and the whole of a decision."""

import pytest
from msgspec.structs import replace

from interlock.orchestration.decision import (
    Abort,
    Accept,
    Enqueue,
    Reject,
    ReleaseSlots,
    RememberCacheKey,
    TakeSlot,
    Wait,
)
from interlock.orchestration.facts import TICK, FlowFacts, TagLimit, TaskFacts
from interlock.orchestration.runs import FlowRunPolicy, TaskRunPolicy
from interlock.orchestration.shared_rules import REPEATED
from interlock.orchestration.states import StateType
from tests.orchestration.build import (
    CANCELLED,
    CANCELLING,
    COMPLETED,
    CRASHED,
    FAILED,
    NOW,
    PAUSED,
    PENDING,
    REFERENCE,
    RUNNING,
    SCHEDULED,
    UNPERSISTED,
    a_flow_run,
    a_moment,
    a_state,
    a_task_run,
    create_flow,
    create_task,
    in_flow_run,
    later,
    limited,
    propose,
    set_flow,
    set_task,
)


class TestCreateTaskRun:
    @pytest.mark.parametrize("kind", list(StateType))
    def test_in_a_flow_run_any_first_state_is_written(self, kind: StateType) -> None:
        decision = create_task(a_task_run(), propose(kind), in_flow_run(CANCELLED))
        assert decision.created
        assert decision.written
        assert decision.verdict == Accept()
        assert decision.run.state is not None
        assert decision.run.state.type is kind

    def test_a_first_state_takes_no_slot_and_no_cached_result_and_is_not_cached(self) -> None:
        facts = TaskFacts(
            flow_run=a_flow_run(RUNNING),
            limits=(TagLimit("a", 1, 1),),
            cached=a_state(COMPLETED, cache_key="k"),
        )
        for kind in (RUNNING, COMPLETED):
            decision = create_task(a_task_run(), propose(kind, cache_key="k"), facts)
            assert decision.run.state is not None
            assert decision.run.state.type is kind
            assert decision.effects == ()

    def test_a_first_state_with_data_is_like_any_other(self) -> None:
        decision = create_task(a_task_run(), propose(COMPLETED, data=[1, 2]))
        assert decision.run.state is not None
        assert decision.run.state.data == [1, 2]

    def test_a_scheduled_background_run_is_enqueued(self) -> None:
        run = a_task_run(flow_run_id=None)
        decision = create_task(run, propose(SCHEDULED, scheduled_time=later(60)), TaskFacts())
        assert decision.effects == (Enqueue("task-run", "key", later(60)),)

    def test_a_background_run_may_be_kept_from_its_first_state(self) -> None:
        facts = TaskFacts(limits=(TagLimit("a", 1, 1),))
        decision = create_task(a_task_run(flow_run_id=None), propose(RUNNING), facts, at=3)
        assert decision.created
        assert not decision.written
        assert isinstance(decision.verdict, Wait)
        assert decision.state is None
        assert (decision.run.created, decision.run.updated, decision.run.state) == (later(3), later(3), None)

    def test_a_background_run_may_take_a_cached_state_as_its_first(self) -> None:
        facts = TaskFacts(cached=a_state(COMPLETED, cache_key="k"))
        decision = create_task(a_task_run(flow_run_id=None), propose(RUNNING, cache_key="k"), facts)
        assert decision.run.state is not None
        assert (decision.run.state.name, decision.run.run_count) == ("Cached", 0)


class TestSetTaskRunState:
    def test_the_answer_to_a_refusal_is_the_current_state(self) -> None:
        run = a_task_run(COMPLETED)
        decision = set_task(run, propose(CRASHED))
        assert decision.verdict == Abort("Run is already COMPLETED.")
        assert (decision.state, decision.written, decision.created) == (run.state, False, False)

    def test_force_skips_the_rules_for_a_run_of_a_flow_run(self) -> None:
        facts = replace(limited(TagLimit("a", 0, 0)), flow_run=a_flow_run(CANCELLED))
        run = a_task_run(a_state(COMPLETED, data=REFERENCE), run_count=1)
        decision = set_task(run, propose(RUNNING, "Custom"), facts, force=True)
        assert decision.verdict == Accept()
        assert decision.run.state is not None
        assert (decision.run.state.name, decision.run.run_count) == ("Custom", 2)
        assert decision.effects == ()

    def test_a_background_run_ignores_force(self) -> None:
        run = a_task_run(PENDING, flow_run_id=None)
        reason = "This run is in a PENDING state and cannot transition to a PENDING state."
        for force in (False, True):
            assert set_task(run, propose(PENDING), TaskFacts(), force=force).verdict == Abort(reason)

    def test_a_run_of_a_flow_run_may_be_pending_again(self) -> None:
        assert set_task(a_task_run(PENDING), propose(PENDING)).written

    @pytest.mark.parametrize("flow_run_id", ["flow-run", None])
    @pytest.mark.parametrize("force", [False, True])
    def test_a_repeated_request_is_answered_with_the_state_it_made(self, flow_run_id: str | None, force: bool) -> None:
        run = a_task_run(PENDING, flow_run_id=flow_run_id)
        made = set_task(run, propose(RUNNING, transition_id="t1"), force=force).run
        again = set_task(made, propose(RUNNING, transition_id="t1"), force=force)
        assert (again.verdict, again.state, again.written) == (REPEATED, made.state, False)
        assert again.run == made

    def test_also_where_the_state_it_made_is_another(self) -> None:
        run = a_task_run(RUNNING, empirical_policy=TaskRunPolicy(retries=1), run_count=1)
        retried = set_task(run, propose(FAILED, transition_id="t1")).run
        again = set_task(retried, propose(FAILED, transition_id="t1"))
        assert again.verdict == REPEATED
        assert again.state is not None
        assert again.state.name == "AwaitingRetry"

    def test_a_slot_is_taken_to_run_and_given_back_after(self) -> None:
        decision = set_task(a_task_run(PENDING), propose(RUNNING), limited(TagLimit("a", 1, 0)))
        assert decision.effects == (TakeSlot("a", "task-run"),)
        held = limited(TagLimit("a", 1, 1, held=True))
        for force in (False, True):
            assert set_task(decision.run, propose(COMPLETED), held, force=force).effects == (
                ReleaseSlots(("a",), "task-run"),
            )
            assert set_task(decision.run, propose(CANCELLING), held, force=force).effects == ()

    def test_a_run_that_has_to_wait_for_its_time_takes_no_slot(self) -> None:
        run = a_task_run(a_state(SCHEDULED, scheduled_time=later(60)))
        decision = set_task(run, propose(RUNNING), limited(TagLimit("a", 1, 0)))
        assert isinstance(decision.verdict, Wait)
        assert decision.effects == ()

    def test_a_cached_state_is_taken_although_slots_are_full_and_the_flow_run_stopped(self) -> None:
        facts = TaskFacts(
            flow_run=a_flow_run(CANCELLED),
            limits=(TagLimit("a", 0, 0),),
            cached=a_state(COMPLETED, data=REFERENCE, cache_key="k", transition_id="of the source"),
        )
        decision = set_task(a_task_run(PENDING), propose(RUNNING, cache_key="k", transition_id="t1"), facts)
        assert isinstance(decision.verdict, Reject)
        assert decision.run.state is not None
        assert (decision.run.state.name, decision.run.state.data) == ("Cached", REFERENCE)
        assert decision.run.state.transition_id == "t1"
        assert decision.run.run_count == 0

    def test_a_cached_state_that_is_taken_is_not_cached_again(self) -> None:
        facts = replace(in_flow_run(), cached=a_state(COMPLETED, cache_key="k"))
        assert set_task(a_task_run(PENDING), propose(RUNNING, cache_key="k"), facts).effects == ()

    def test_a_completed_state_is_remembered_as_it_is_stored(self) -> None:
        proposal = propose(COMPLETED, data=UNPERSISTED, cache_key="k")
        decision = set_task(a_task_run(RUNNING), proposal)
        assert decision.run.state is not None
        assert decision.effects == (RememberCacheKey("k", None, decision.run.state),)
        assert set_task(a_task_run(RUNNING), proposal, force=True).effects == ()

    def test_a_retry_of_a_background_run_stays_with_its_worker(self) -> None:
        """The worker that runs it awaits the retry: to enqueue it would run it twice."""
        policy = TaskRunPolicy(retries=1)
        run = a_task_run(RUNNING, flow_run_id=None, empirical_policy=policy, run_count=1)
        decision = set_task(run, propose(FAILED), TaskFacts())
        assert isinstance(decision.verdict, Reject)
        assert decision.effects == ()

    def test_a_background_run_sent_back_to_be_retried_goes_to_the_front(self) -> None:
        run = a_task_run(RUNNING, flow_run_id=None, run_count=1)
        decision = set_task(run, propose(SCHEDULED, "AwaitingRetry"), TaskFacts())
        assert decision.effects == (Enqueue("task-run", "key", NOW, front=True),)

    def test_a_run_not_ready_because_its_flow_run_is_paused_keeps_its_count(self) -> None:
        decision = set_task(a_task_run(FAILED, run_count=2), propose(RUNNING), in_flow_run(PAUSED))
        assert decision.run.state is not None
        assert (decision.run.state.name, decision.run.run_count) == ("NotReady", 2)

    def test_a_forced_completion_of_a_stored_failure_has_an_unknown_result(self) -> None:
        decision = set_task(a_task_run(a_state(FAILED, data=REFERENCE)), propose(COMPLETED), force=True)
        assert decision.run.state is not None
        assert decision.run.state.data == {"type": "unknown", "value": None}
        assert decision.run.state.label.type == "result"


class TestCreateFlowRun:
    def test_any_first_state_is_written(self) -> None:
        for kind in StateType:
            decision = create_flow(a_flow_run(), propose(kind), at=3)
            assert decision.created
            assert decision.written
            assert (decision.run.created, decision.run.updated) == (later(3), later(3))

    def test_without_a_proposed_state_it_has_none(self) -> None:
        decision = create_flow(a_flow_run(), None, at=3)
        assert (decision.created, decision.written) == (True, False)
        assert (decision.run.created, decision.run.updated) == (later(3), later(3))

    def test_a_subflow_is_told_to_its_parent_task_run(self) -> None:
        facts = FlowFacts(parent=(a_task_run(PENDING), in_flow_run()))
        decision = create_flow(a_flow_run(id="child", parent_task_run_id="task-run"), propose(PENDING), facts)
        (follower,) = decision.followers
        assert follower.written
        assert follower.run.state is not None
        assert follower.run.state.details.child_flow_run_id == "child"
        assert follower.run.state.details.flow_run_id == "flow-run"
        assert decision.run.state is not None
        assert decision.run.state.details.child_flow_run_id is None


class TestSetFlowRunState:
    @pytest.mark.parametrize("force", [False, True])
    def test_a_repeated_request_is_answered_with_the_state_it_made(self, force: bool) -> None:
        made = set_flow(a_flow_run(PENDING), propose(RUNNING, transition_id="t1"), force=force).run
        again = set_flow(made, propose(RUNNING, transition_id="t1"), force=force)
        assert (again.verdict, again.state, again.written) == (REPEATED, made.state, False)
        assert again.run == made

    def test_also_where_the_state_it_made_is_another(self) -> None:
        run = a_flow_run(RUNNING, empirical_policy=FlowRunPolicy(retries=1), run_count=1)
        retried = set_flow(run, propose(FAILED, transition_id="t1")).run
        again = set_flow(retried, propose(FAILED, transition_id="t1"))
        assert again.verdict == REPEATED
        assert again.state is not None
        assert again.state.name == "AwaitingRetry"

    def test_where_others_came_after_it_the_run_stays_as_it_is(self) -> None:
        run = a_flow_run(COMPLETED)
        again = set_flow(run, propose(RUNNING, transition_id="t1"), FlowFacts(repeated=True))
        assert (again.verdict, again.state, again.run) == (REPEATED, run.state, run)

    def test_marking_late_passes_over_the_other_rules(self) -> None:
        late = propose(SCHEDULED, "Late", scheduled_time=later(-60))
        assert set_flow(a_flow_run(SCHEDULED), late, marking_late=True).written
        assert not set_flow(a_flow_run(CANCELLING), late, marking_late=True).written
        assert set_flow(a_flow_run(CANCELLING), propose(SCHEDULED), marking_late=True).written

    def test_force_passes_over_all_but_the_cancellation_of_what_never_ran(self) -> None:
        assert set_flow(a_flow_run(CANCELLING), propose(PENDING), force=True).written
        decision = set_flow(a_flow_run(SCHEDULED), propose(CANCELLING), force=True)
        assert decision.run.state is not None
        assert decision.run.state.type is CANCELLED

    def test_a_parent_task_run_takes_type_name_message_and_data(self) -> None:
        facts = FlowFacts(parent=(a_task_run(RUNNING), in_flow_run()))
        run = a_flow_run(RUNNING, id="child", parent_task_run_id="task-run")
        decision = set_flow(run, propose(COMPLETED, "Fine", message="done", data=REFERENCE, pause_key="k"), facts)
        (follower,) = decision.followers
        state = follower.run.state
        assert state is not None
        assert (state.type, state.name, state.message, state.data) == (COMPLETED, "Fine", "done", REFERENCE)
        # It comes after the state that the task run had at the same instant.
        assert (state.details.pause_key, state.timestamp) == ("k", NOW + TICK)

    def test_a_parent_task_run_is_kept_in_step_by_a_repeated_request_too(self) -> None:
        parent = a_task_run(a_state(RUNNING, transition_id="t1"))
        facts = FlowFacts(parent=(parent, in_flow_run()))
        run = a_flow_run(RUNNING, id="child", parent_task_run_id="task-run")
        decision = set_flow(run, propose(FAILED, transition_id="t1"), facts, force=True)
        (follower,) = decision.followers
        assert follower.written

    def test_a_background_parent_keeps_to_its_rules(self) -> None:
        facts = FlowFacts(parent=(a_task_run(PENDING, flow_run_id=None), TaskFacts()))
        decision = create_flow(a_flow_run(parent_task_run_id="task-run"), propose(PENDING), facts)
        (follower,) = decision.followers
        assert not follower.written

    def test_where_nothing_is_written_nobody_follows(self) -> None:
        facts = FlowFacts(parent=(a_task_run(RUNNING), in_flow_run()))
        run = a_flow_run(CANCELLING, parent_task_run_id="task-run")
        assert set_flow(run, propose(RUNNING), facts).followers == ()

    def test_for_old_clients_failed_task_runs_are_retried_with_the_flow_run(self) -> None:
        held = limited(TagLimit("a", 1, 1, held=True))
        failed = a_task_run(FAILED, run_count=3)
        facts = FlowFacts(failed_task_runs=((failed, held), (replace(failed, id="other"), in_flow_run())))
        run = a_flow_run(RUNNING, run_count=1, empirical_policy=FlowRunPolicy(retries=1, retry_delay=60))
        decision = set_flow(run, propose(FAILED, message="it broke", data=REFERENCE), facts, api_version=(0, 8, 2))
        assert [follower.run.id for follower in decision.followers] == ["task-run", "other"]
        for follower in decision.followers:
            assert follower.run.state is not None
            state = follower.run.state
            assert (state.name, state.message, state.data) == ("AwaitingRetry", None, None)
            assert follower.run.state.details.scheduled_time == later(60)
            assert follower.run.run_count == 0
        assert decision.followers[0].effects == (ReleaseSlots(("a",), "task-run"),)

    def test_for_others_they_are_left_alone(self) -> None:
        facts = FlowFacts(failed_task_runs=((a_task_run(FAILED), in_flow_run()),))
        run = a_flow_run(RUNNING, run_count=1, empirical_policy=FlowRunPolicy(retries=1))
        assert set_flow(run, propose(FAILED), facts, api_version=(0, 8, 4)).followers == ()
        assert set_flow(run, propose(COMPLETED), facts, api_version=(0, 8, 2)).followers == ()


def test_a_suspended_run_goes_on_without_counting_a_new_attempt() -> None:
    """Suspend, schedule, start: one attempt, with the mark taken and given back."""
    run = a_flow_run(RUNNING, run_count=1, deployment_id="d")
    run = set_flow(run, propose(PAUSED, "Suspended", pause_reschedule=True, pause_key="k")).run
    run = set_flow(run, propose(SCHEDULED, "Resuming")).run
    assert run.empirical_policy == FlowRunPolicy(pause_keys=("k",), resuming=True)
    run = set_flow(run, propose(RUNNING)).run
    assert (run.run_count, run.empirical_policy) == (1, FlowRunPolicy(pause_keys=("k",)))


def test_a_task_with_two_retries_fails_at_the_third_attempt() -> None:
    run = create_task(a_task_run(empirical_policy=TaskRunPolicy(retries=2)), propose(PENDING)).run
    names = []
    for second in range(3):
        run = set_task(run, propose(RUNNING), moment=a_moment(2 * second)).run
        run = set_task(run, propose(FAILED), moment=a_moment(2 * second + 1)).run
        assert run.state is not None
        names.append(run.state.name)
    assert names == ["AwaitingRetry", "AwaitingRetry", "Failed"]
    assert (run.run_count, run.total_run_time, run.end_time) == (3, 3.0, later(5))
