"""Flows that pause within their process, with and without input, and are resumed by another user."""

from typing import Any

import pytest

from .api import Api
from .client import Client

UNFIT = (
    "RuntimeError: Cannot resume this run: Reason: Validation failed. "
    "Failure reason: Additional properties are not allowed ('nonsense' was unexpected)"
)


@pytest.fixture(scope="module")
def report(client: Client, word: str) -> Any:
    """What `flows/pausing.py` saw."""
    return client.script("pausing", word)


def test_a_paused_flow_goes_on_where_it_stopped(report: Any, api: Api) -> None:
    seen = report["paused"]["seen"]
    assert (seen["type"], seen["result"]) == ("COMPLETED", ["before", "after"])
    assert report["paused"]["pauses"] == ["Paused"]
    assert api.flow_states(seen["id"]) == ["Pending", "Running", "Paused", "Running", "Completed"]


def test_a_resumption_counts_as_another_run_of_the_flow(report: Any, api: Api) -> None:
    assert api.flow_run(report["paused"]["seen"]["id"])["run_count"] == 2


def test_a_flow_that_asks_gets_the_input_it_is_resumed_with(report: Any, api: Api) -> None:
    seen = report["asking"]["seen"]
    assert (seen["type"], seen["result"]) == ("COMPLETED", ["Ada", 7, 42])
    assert api.flow_states(seen["id"]).count("Paused") == 2


def test_an_input_that_does_not_fit_is_refused_and_the_flow_stays_paused(report: Any) -> None:
    assert report["asking"]["answers"] == ["Paused", UNFIT, "Paused", UNFIT]


def test_what_was_asked_and_answered_is_kept_with_the_run(report: Any, api: Api) -> None:
    flow_run_id = report["asking"]["seen"]["id"]
    inputs = api.post(f"/flow_runs/{flow_run_id}/input/filter", {"prefix": "paused-1", "limit": 10})
    assert [each["key"] for each in inputs] == ["paused-1-schema", "paused-1-response"]
    assert api.get(f"/flow_runs/{flow_run_id}/input/paused-1-response") == {"name": "Ada"}


def test_a_running_flow_receives_each_input_sent_to_it_once_and_in_order(report: Any) -> None:
    assert (report["listening"]["type"], report["listening"]["result"]) == ("COMPLETED", [3, 1, 2])


def test_a_task_that_would_start_during_a_pause_waits_for_the_resumption(report: Any, api: Api) -> None:
    held = report["held_up"]
    assert (held["waiting"], held["seen"]["type"], held["seen"]["result"]) == ("NotReady", "COMPLETED", "held up")
    run = api.task_run(held["seen"]["id"], "step")
    assert api.task_states(run["id"]) == ["Pending", "NotReady", "Running", "Completed"]


def test_a_pause_that_nobody_ends_fails_the_flow(report: Any, api: Api) -> None:
    seen = report["timed_out"]
    assert (seen["type"], seen["message"]) == ("FAILED", "The flow was failed and never resumed.")
    assert api.flow_states(seen["id"]) == ["Pending", "Running", "Paused", "Failed"]


def test_only_a_deployed_flow_may_suspend_itself(report: Any) -> None:
    assert report["suspended"] == "Flow run cannot be suspended: Cannot suspend flows without a deployment."


def test_a_run_that_is_not_paused_cannot_be_resumed(report: Any, api: Api) -> None:
    assert report["not_paused"] == "NotPausedError: Cannot resume a run that isn't paused!"
    answer = api.post(f"/flow_runs/{report['paused']['seen']['id']}/resume")
    assert (answer["status"], answer["details"]["reason"]) == ("ABORT", "Cannot resume a flow run that is not paused.")
