"""Retries of tasks and of flows: how often each is executed, in which states, after which delays."""

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest

from .api import Api
from .client import Client


@pytest.fixture(scope="module")
def report(client: Client, word: str) -> Any:
    """What `flows/retries.py` saw."""
    return client.script("retries", word)


def states_of(api: Api, report: Any, task: str) -> list[dict[str, Any]]:
    """A task run's states in the flow of task retries, first to last."""
    run = api.task_run(report["flows"]["task_retries"]["id"], task)
    states = api.get("/task_run_states/", task_run_id=run["id"])
    return sorted(states, key=lambda state: str(state["timestamp"]))


def delays(states: list[dict[str, Any]]) -> list[timedelta]:
    """How long after its own beginning each AwaitingRetry state let the next attempt start."""
    waits = [state for state in states if state["name"] == "AwaitingRetry"]
    return [
        datetime.fromisoformat(state["state_details"]["scheduled_time"]) - datetime.fromisoformat(state["timestamp"])
        for state in waits
    ]


def test_each_task_is_executed_as_often_as_its_retries_allow(report: Any) -> None:
    expected = {"delay_list": 3, "fraction": 2, "jitter": 2, "exhausted": 3, "condition": 1}
    assert {name: report["executions"][name] for name in expected} == expected


def test_each_attempt_sees_its_own_run_count(report: Any) -> None:
    assert report["run_counts"]["delay_list"] == [1, 2, 3]
    assert report["run_counts"]["exhausted"] == [1, 2, 3]


def test_tasks_that_recover_complete_and_those_that_do_not_fail(report: Any) -> None:
    seen = report["flows"]["task_retries"]
    assert seen["type"] == "COMPLETED"
    assert seen["result"] == {
        "delay_list": "COMPLETED",
        "fraction": "COMPLETED",
        "jitter": "COMPLETED",
        "exhausted": "FAILED",
        "condition": "FAILED",
    }


def test_a_retry_waits_in_awaiting_retry_and_runs_again_as_retrying(report: Any, api: Api) -> None:
    names = [state["name"] for state in states_of(api, report, "delay_list")]
    assert names == ["Pending", "Running", "AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying", "Completed"]
    assert api.task_run(report["flows"]["task_retries"]["id"], "delay_list")["run_count"] == 3


def test_awaiting_retry_carries_the_failure_s_message(report: Any, api: Api) -> None:
    waiting = [state for state in states_of(api, report, "delay_list") if state["name"] == "AwaitingRetry"]
    assert [state["type"] for state in waiting] == ["SCHEDULED", "SCHEDULED"]
    assert [state["message"] for state in waiting] == [
        f"Task run encountered an exception RuntimeError: delay_list failed, attempt {attempt}" for attempt in (1, 2)
    ]


def test_delays_are_taken_from_the_list_in_turn(report: Any, api: Api) -> None:
    first, second = delays(states_of(api, report, "delay_list"))
    assert first.total_seconds() == pytest.approx(1, abs=0.1)
    assert second.total_seconds() == pytest.approx(2, abs=0.1)


def test_a_delay_of_a_fraction_of_a_second_is_none(report: Any, api: Api) -> None:
    (delay,) = delays(states_of(api, report, "fraction"))
    assert delay.total_seconds() == pytest.approx(0, abs=0.1)


def test_no_attempt_starts_before_its_delay_is_over(report: Any, api: Api) -> None:
    states = states_of(api, report, "delay_list")
    for waiting, retrying in itertools.pairwise(states):
        if waiting["name"] == "AwaitingRetry":
            due = datetime.fromisoformat(waiting["state_details"]["scheduled_time"])
            # The server rounds a wait to whole seconds, so half a second early is on time.
            assert datetime.fromisoformat(retrying["timestamp"]) >= due - timedelta(seconds=0.5)


def test_jitter_varies_the_delay_within_its_factor(report: Any, api: Api) -> None:
    (delay,) = delays(states_of(api, report, "jitter"))
    assert 0.49 < delay.total_seconds() < 1.51


def test_retries_used_up_end_in_failed(report: Any, api: Api) -> None:
    names = [state["name"] for state in states_of(api, report, "exhausted")]
    assert names == ["Pending", "Running", "AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying", "Failed"]


def test_a_failure_that_the_task_s_condition_calls_final_is_not_retried(report: Any, api: Api) -> None:
    assert [state["name"] for state in states_of(api, report, "condition")] == ["Pending", "Running", "Failed"]


def test_a_flow_retry_runs_the_flow_again_and_keeps_finished_tasks(report: Any, api: Api) -> None:
    seen = report["flows"]["flow_retry"]
    assert (seen["type"], seen["result"]) == ("COMPLETED", ["steady_in_flow done", "flaky_in_flow done"])
    expected = {"flow_retry": 2, "flaky_in_flow": 2, "steady_in_flow": 1}
    assert {name: report["executions"][name] for name in expected} == expected
    assert api.flow_states(seen["id"]) == ["Pending", "Running", "AwaitingRetry", "Running", "Completed"]
    assert api.flow_run(seen["id"])["run_count"] == 2
    assert api.state_counts(seen["id"]) == {"Completed": 2}


def test_a_flow_that_fails_every_time_ends_failed(report: Any, api: Api) -> None:
    seen = report["flows"]["flow_exhausted"]
    assert (seen["type"], report["executions"]["flow_exhausted"]) == ("FAILED", 2)
    assert api.flow_states(seen["id"]) == ["Pending", "Running", "AwaitingRetry", "Running", "Failed"]
