"""The tables of rules: which policy asks what, in which order, of which transition."""

from itertools import product

import pytest

from interlock.orchestration import policies
from interlock.orchestration.policies import (
    AUTONOMOUS_TASK_POLICY,
    AUTONOMOUS_TASK_RULES,
    CORE_FLOW_POLICY,
    CORE_FLOW_RULES,
    CORE_TASK_POLICY,
    CORE_TASK_RULES,
    LATE_MARKING_FLOW_POLICY,
    MINIMAL_FLOW_POLICY,
    MINIMAL_TASK_POLICY,
)
from interlock.orchestration.states import StateType
from tests.orchestration.build import (
    CANCELLED,
    CANCELLING,
    COMPLETED,
    FAILED,
    PAUSED,
    PENDING,
    RUNNING,
    SCHEDULED,
)

TABLES = {
    "core tasks": CORE_TASK_POLICY.rules,
    "autonomous tasks": AUTONOMOUS_TASK_POLICY.rules,
    "minimal tasks": MINIMAL_TASK_POLICY.rules,
    "core flows": CORE_FLOW_POLICY,
    "minimal flows": MINIMAL_FLOW_POLICY,
    "late marking": LATE_MARKING_FLOW_POLICY,
}


def names(rules: object) -> list[str]:
    assert isinstance(rules, tuple)
    return [rule.__name__ for rule in rules]


@pytest.mark.parametrize("table", TABLES)
def test_every_transition_has_an_entry(table: str) -> None:
    for left, entered in product((None, *StateType), StateType):
        assert isinstance(TABLES[table][left][entered], tuple)


def test_a_task_run_that_starts_is_asked_about_the_cache_first_and_then_about_flow_slots_and_time() -> None:
    assert names(CORE_TASK_POLICY.rules[PENDING][RUNNING]) == [
        "cache_retrieval",
        "prevent_running_tasks_from_stopped_flows",
        "secure_task_concurrency_slots",
        "wait_for_scheduled_time",
        "rename_reruns",
        "update_flow_run_tracker_on_tasks",
    ]


def test_a_task_run_that_starts_over_is_asked_whether_it_may() -> None:
    assert names(CORE_TASK_POLICY.rules[FAILED][RUNNING])[:2] == [
        "cache_retrieval",
        "handle_task_terminal_state_transitions",
    ]


def test_only_running_to_failed_is_retried() -> None:
    for table, rule in (("core tasks", "retry_failed_tasks"), ("core flows", "retry_failed_flows")):
        asked = {
            (left, entered)
            for left, entered in product((None, *StateType), StateType)
            if rule in names(TABLES[table][left][entered])
        }
        assert asked == {(RUNNING, FAILED)}


def test_a_background_run_is_asked_the_same_but_about_its_flow_run_and_not_to_be_submitted_twice() -> None:
    core = [entry.rule.__name__ for entry in CORE_TASK_RULES]
    core.remove("prevent_running_tasks_from_stopped_flows")
    assert [entry.rule.__name__ for entry in AUTONOMOUS_TASK_RULES] == ["prevent_pending_transitions", *core]


def test_what_is_forced_is_asked_next_to_nothing() -> None:
    assert names(MINIMAL_TASK_POLICY.rules[FAILED][COMPLETED]) == ["add_unknown_result"]
    assert names(MINIMAL_TASK_POLICY.rules[FAILED][RUNNING]) == []
    assert names(MINIMAL_FLOW_POLICY[SCHEDULED][CANCELLING]) == ["bypass_cancelling_flow_runs_with_no_infra"]
    assert names(MINIMAL_FLOW_POLICY[CANCELLED][RUNNING]) == []


def test_a_flow_run_being_cancelled_is_kept_to_it_before_other_rules() -> None:
    assert names(CORE_FLOW_POLICY[CANCELLING][PENDING]) == [
        "enforce_cancelling_to_cancelled_transition",
        "prevent_pending_transitions",
    ]
    assert names(CORE_FLOW_POLICY[CANCELLING][CANCELLED]) == []


def test_a_pause_in_a_pause_is_asked_about_the_pause_first() -> None:
    assert names(CORE_FLOW_POLICY[PAUSED][PAUSED]) == ["handle_pausing_flows", "handle_resuming_paused_flows"]


def test_marking_late_asks_only_whether_the_run_is_scheduled() -> None:
    assert names(LATE_MARKING_FLOW_POLICY[RUNNING][SCHEDULED]) == ["ensure_only_scheduled_flows_marked_late"]


def test_completed_states_are_cached_and_only_background_runs_enqueued() -> None:
    assert names(CORE_TASK_POLICY.consequences[RUNNING][COMPLETED]) == ["cache_insertion"]
    assert names(CORE_TASK_POLICY.consequences[None][SCHEDULED]) == []
    assert names(AUTONOMOUS_TASK_POLICY.consequences[None][SCHEDULED]) == ["enqueue_scheduled_tasks"]
    assert names(MINIMAL_TASK_POLICY.consequences[RUNNING][COMPLETED]) == []


def test_a_state_with_consequences_is_never_replaced_by_one_of_another_type() -> None:
    """So that a consequence may rely on the type of state it is listed for."""
    replacing = {"cache_retrieval", "prevent_running_tasks_from_stopped_flows", "retry_failed_tasks"}
    for policy in (CORE_TASK_POLICY, AUTONOMOUS_TASK_POLICY):
        for left, entered in product((None, *StateType), StateType):
            if policy.consequences[left][entered]:
                assert not replacing & set(names(policy.rules[left][entered]))


def test_no_rule_is_listed_twice_in_a_policy() -> None:
    for entries in (CORE_TASK_RULES, AUTONOMOUS_TASK_RULES, CORE_FLOW_RULES, policies.MINIMAL_FLOW_RULES):
        rules = [entry.rule for entry in entries]
        assert len(rules) == len(set(rules))
