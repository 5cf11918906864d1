"""What follows for a run from a state that is written: each value by itself, in transitions that no rule objects to."""

from datetime import timedelta, timezone
from typing import Any

import pytest

from interlock.orchestration.decision import Reject
from interlock.orchestration.facts import FlowFacts
from interlock.orchestration.runs import FlowRunPolicy
from interlock.orchestration.states import ArtifactLabel, StateType
from tests.orchestration.build import (
    CANCELLED,
    COMPLETED,
    CRASHED,
    FAILED,
    NOW,
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
    create_flow,
    create_task,
    in_flow_run,
    later,
    propose,
    set_flow,
    set_task,
)


class TestState:
    def test_it_has_a_fresh_id_the_time_of_the_decision_and_its_types_name(self) -> None:
        state = set_task(a_task_run(PENDING), propose(RUNNING), moment=a_moment(7)).state
        assert state is not None
        assert (state.id, state.timestamp, state.name) == ("id-1", later(7), "Running")

    def test_the_details_of_a_task_runs_state_name_the_run_and_its_flow_run(self) -> None:
        state = set_task(a_task_run(PENDING), propose(RUNNING, flow_run_id="other", task_run_id="other")).state
        assert state is not None
        assert (state.details.flow_run_id, state.details.task_run_id) == ("flow-run", "task-run")

    def test_those_of_a_background_runs_state_name_no_flow_run(self) -> None:
        state = set_task(a_task_run(PENDING, flow_run_id=None), propose(RUNNING, flow_run_id="other")).state
        assert state is not None
        assert state.details.flow_run_id is None

    def test_those_of_a_flow_runs_state_name_the_run_and_keep_the_task_run(self) -> None:
        state = set_flow(a_flow_run(PENDING), propose(RUNNING, flow_run_id="other", task_run_id="mine")).state
        assert state is not None
        assert (state.details.flow_run_id, state.details.task_run_id) == ("flow-run", "mine")

    def test_those_of_a_subflows_state_name_its_parent_task_run(self) -> None:
        run = a_flow_run(PENDING, parent_task_run_id="parent")
        state = set_flow(run, propose(RUNNING, task_run_id="mine")).state
        assert state is not None
        assert state.details.task_run_id == "parent"

    def test_scheduled_for_no_time_is_scheduled_for_now(self) -> None:
        for decision in (
            create_task(a_task_run(), propose(SCHEDULED), at=3),
            create_flow(a_flow_run(), propose(SCHEDULED), at=3),
        ):
            assert decision.state is not None
            assert decision.state.details.scheduled_time == later(3)

    def test_the_id_of_the_request_is_kept_also_where_another_state_is_written(self) -> None:
        run = a_flow_run(SCHEDULED)
        decision = set_flow(run, propose(StateType.CANCELLING, transition_id="t1"))
        assert isinstance(decision.verdict, Reject)
        assert decision.run.state is not None
        assert decision.run.state.type is CANCELLED
        assert decision.run.state.transition_id == "t1"
        assert decision.run.state.details.transition_id is None


class TestData:
    def test_unpersisted_data_is_echoed_and_not_stored(self) -> None:
        data = UNPERSISTED | {"artifact_type": "result"}
        for decision in (
            set_task(a_task_run(RUNNING), propose(COMPLETED, data=data)),
            set_flow(a_flow_run(RUNNING), propose(COMPLETED, data=data)),
        ):
            assert decision.state is not None
            assert decision.run.state is not None
            assert decision.state.data == data
            assert decision.run.state.data is None

    @pytest.mark.parametrize("data", [REFERENCE, {"type": "literal", "value": None}, "text", [1, "a"], 3, False, {}])
    def test_any_other_data_is_stored_as_it_is(self, data: Any) -> None:
        for decision in (
            set_task(a_task_run(RUNNING), propose(COMPLETED, data=data)),
            create_task(a_task_run(), propose(COMPLETED, data=data)),
        ):
            assert decision.state is not None
            assert decision.run.state is not None
            assert decision.state.data == decision.run.state.data == data

    @pytest.mark.parametrize("data", ["", []])
    def test_an_empty_text_or_list_is_stored_as_an_empty_object(self, data: Any) -> None:
        decision = set_task(a_task_run(RUNNING), propose(COMPLETED, data=data))
        assert decision.state is not None
        assert decision.run.state is not None
        assert decision.state.data == data
        assert decision.run.state.data == {}

    def test_what_the_data_says_about_its_artifact_goes_to_the_artifact(self) -> None:
        label = {"artifact_key": "k", "artifact_type": "result", "artifact_description": "A result."}
        for decision in (
            set_task(a_task_run(RUNNING), propose(COMPLETED, data=REFERENCE | label)),
            set_flow(a_flow_run(RUNNING), propose(COMPLETED, data=REFERENCE | label)),
        ):
            assert decision.run.state is not None
            assert decision.run.state.data == REFERENCE
            assert decision.run.state.label == ArtifactLabel(key="k", type="result", description="A result.")

    def test_an_empty_label_is_none(self) -> None:
        state = set_task(a_task_run(RUNNING), propose(COMPLETED, data={"artifact_key": "", "a": 1})).run.state
        assert state is not None
        assert (state.data, state.label) == ({"a": 1}, ArtifactLabel())


class TestTimes:
    def test_the_first_running_state_starts_the_run(self) -> None:
        run = set_task(a_task_run(PENDING), propose(RUNNING), moment=a_moment(5)).run
        assert run.start_time == later(5)
        assert set_task(run, propose(RUNNING), moment=a_moment(9)).run.start_time == later(5)

    @pytest.mark.parametrize("ended", TERMINAL)
    def test_a_terminal_state_ends_a_run_that_started(self, ended: StateType) -> None:
        started = a_task_run(RUNNING, start_time=NOW)
        assert set_task(started, propose(ended), moment=a_moment(5)).run.end_time == later(5)
        assert set_task(a_task_run(PENDING), propose(ended), moment=a_moment(5)).run.end_time is None

    def test_from_end_to_end_the_end_time_stays(self) -> None:
        run = a_task_run(FAILED, start_time=NOW, end_time=later(1))
        assert set_task(run, propose(COMPLETED), moment=a_moment(5)).run.end_time == later(1)

    def test_leaving_the_end_clears_it(self) -> None:
        run = a_task_run(FAILED, start_time=NOW, end_time=later(1))
        for proposed in (SCHEDULED, PENDING, RUNNING):
            assert set_task(run, propose(proposed)).run.end_time is None

    def test_time_spent_running_adds_up_in_seconds(self) -> None:
        run = a_task_run(RUNNING, total_run_time=1.5)
        run = set_task(run, propose(RUNNING), moment=a_moment(2)).run
        run = set_task(run, propose(COMPLETED), moment=a_moment(2.25)).run
        run = set_task(run, propose(FAILED), moment=a_moment(99)).run
        assert run.total_run_time == 3.75

    def test_the_first_state_sets_the_expected_start_and_no_later_one(self) -> None:
        run = create_task(a_task_run(), propose(PENDING), at=3).run
        assert run.expected_start_time == later(3)
        assert set_task(run, propose(SCHEDULED, scheduled_time=later(60))).run.expected_start_time == later(3)

    def test_a_scheduled_run_is_expected_and_due_at_its_time(self) -> None:
        run = create_flow(a_flow_run(), propose(SCHEDULED, scheduled_time=later(60))).run
        assert (run.expected_start_time, run.next_scheduled_start_time) == (later(60), later(60))

    def test_a_run_no_longer_scheduled_is_not_due(self) -> None:
        run = a_task_run(SCHEDULED, next_scheduled_start_time=later(-1))
        assert set_task(run, propose(PENDING)).run.next_scheduled_start_time is None

    def test_only_a_scheduled_state_makes_a_run_due(self) -> None:
        run = set_task(a_task_run(PENDING), propose(RUNNING, scheduled_time=later(60))).run
        assert run.next_scheduled_start_time is None

    def test_a_time_keeps_its_offset_in_the_answer(self) -> None:
        elsewhere = later(60).astimezone(timezone(timedelta(hours=5)))
        run = create_task(a_task_run(), propose(SCHEDULED, scheduled_time=elsewhere)).run
        assert run.expected_start_time is not None
        assert run.expected_start_time.utcoffset() == timedelta(hours=5)

    def test_creation_and_update_are_the_time_of_the_decision(self) -> None:
        run = create_task(a_task_run(), propose(PENDING), at=3).run
        assert (run.created, run.updated) == (later(3), later(3))
        run = set_task(run, propose(RUNNING), moment=a_moment(4)).run
        assert (run.created, run.updated) == (later(3), later(4))


class TestCounts:
    def test_each_running_state_counts_an_attempt(self) -> None:
        run = a_task_run(RUNNING, run_count=1)
        assert set_task(run, propose(RUNNING)).run.run_count == 2
        assert set_task(run, propose(RUNNING), force=True).run.run_count == 2
        assert set_task(run, propose(COMPLETED)).run.run_count == 1
        assert create_flow(a_flow_run(), propose(RUNNING)).run.run_count == 1

    def test_a_flow_run_that_resumes_counts_none_and_stops_resuming(self) -> None:
        run = a_flow_run(a_state(SCHEDULED, "Resuming"), run_count=1, empirical_policy=FlowRunPolicy(resuming=True))
        run = set_flow(run, propose(RUNNING)).run
        assert (run.run_count, run.empirical_policy.resuming) == (1, False)

    def test_for_clients_that_know_no_pauses_it_counts(self) -> None:
        run = a_flow_run(PENDING, run_count=1, empirical_policy=FlowRunPolicy(resuming=True))
        run = set_flow(run, propose(RUNNING), api_version=(0, 8, 3)).run
        assert (run.run_count, run.empirical_policy.resuming) == (2, True)

    @pytest.mark.parametrize("ended", [COMPLETED, FAILED, CRASHED])
    def test_a_resuming_run_that_ends_stops_resuming(self, ended: StateType) -> None:
        run = a_flow_run(RUNNING, empirical_policy=FlowRunPolicy(resuming=True))
        assert not set_flow(run, propose(ended)).run.empirical_policy.resuming

    @pytest.mark.parametrize("proposed", [RUNNING, SCHEDULED, COMPLETED])
    def test_a_run_that_leaves_a_pause_is_resuming_from_there_on(self, proposed: StateType) -> None:
        run = set_flow(a_flow_run(PAUSED, run_count=1), propose(proposed)).run
        assert run.empirical_policy.resuming
        assert run.run_count == (2 if proposed is RUNNING else 1)

    def test_the_attempt_of_the_flow_run_is_noted_unless_forced(self) -> None:
        facts = in_flow_run(run_count=4)
        assert set_task(a_task_run(PENDING), propose(RUNNING), facts).run.flow_run_run_count == 4
        assert set_task(a_task_run(PENDING), propose(RUNNING), facts, force=True).run.flow_run_run_count == 0


class TestUnmoved:
    def test_a_run_that_may_not_leave_its_pause_is_marked_as_resuming_all_the_same(self) -> None:
        run = a_flow_run(PAUSED)
        decision = set_flow(run, propose(PENDING), at=3)
        assert not decision.written
        assert decision.run.empirical_policy.resuming
        assert (decision.run.updated, decision.run.state) == (later(3), run.state)

    def test_one_marked_before_is_left_as_it_is(self) -> None:
        run = a_flow_run(PAUSED, empirical_policy=FlowRunPolicy(resuming=True))
        assert set_flow(run, propose(PENDING), at=3).run == run

    def test_a_run_that_no_rule_would_have_changed_stays_as_it_is(self) -> None:
        run = a_task_run(FAILED, run_count=2)
        assert set_task(run, propose(CRASHED), moment=a_moment(3)).run == run
        flow_run = a_flow_run(FAILED)
        assert set_flow(flow_run, propose(CRASHED), at=3).run == flow_run

    def test_a_change_that_was_undone_shows_in_the_time_of_update_alone(self) -> None:
        run = a_task_run(FAILED, run_count=2)
        decision = set_task(run, propose(RUNNING), in_flow_run(CANCELLED), moment=a_moment(3))
        assert not decision.written
        assert (decision.run.run_count, decision.run.updated) == (2, later(3))
        flow_run = a_flow_run(CANCELLED, empirical_policy=FlowRunPolicy(pause_keys=("k",)))
        flow_decision = set_flow(flow_run, propose(RUNNING), FlowFacts(), at=3)
        assert flow_decision.run.empirical_policy == flow_run.empirical_policy
        assert flow_decision.run.updated == later(3)
