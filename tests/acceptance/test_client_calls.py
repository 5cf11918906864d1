"""The client's API calls outside of any flow: states set by hand, filters, what is missing, deletion."""

from typing import Any

import pytest

from .api import Api
from .client import Client


@pytest.fixture(scope="module")
def report(client: Client, word: str) -> Any:
    """What `flows/calls.py` saw."""
    return client.script("calls", word)


def test_the_client_finds_the_server_healthy(report: Any) -> None:
    assert (report["healthy"], report["hello"]) == (True, 200)


def test_runs_are_led_through_their_states_by_hand(report: Any, api: Api) -> None:
    seen = report["by_hand"]
    assert seen["task_answers"] == ["ACCEPT", "ACCEPT"]
    assert seen["task_states"] == ["Pending", "Running", "Completed"]
    assert api.flow_run(seen["id"])["parameters"] == {"number": 5}
    assert api.get(f"/task_runs/{seen['task_run_id']}")["state"]["message"] == "done"


def test_a_failed_flow_run_takes_another_failure(report: Any, api: Api) -> None:
    seen = report["by_hand"]
    assert seen["flow_answers"] == ["ACCEPT", "ACCEPT"]
    assert seen["flow_states"] == api.flow_states(seen["id"]) == ["Scheduled", "Running", "Failed", "Failed"]


def test_a_task_run_created_twice_is_one(report: Any) -> None:
    seen = report["by_hand"]
    assert seen["idempotent"] == [seen["task_run_id"], "even-by-hand"]


def test_runs_are_renamed_and_retagged(report: Any, api: Api, word: str) -> None:
    seen = report["by_hand"]
    assert seen["names"] == [f"renamed-{word}", "renamed"]
    run = api.flow_run(seen["id"])
    assert (run["name"], sorted(run["tags"])) == (f"renamed-{word}", sorted([word, "updated"]))


def test_filters_find_what_they_should(report: Any, word: str) -> None:
    found, run_id = report["queries"], report["by_hand"]["id"]
    assert found["flows"] == [f"calls-{word}"]
    assert found["flow_by_name"] == f"calls-{word}"
    assert (found["failed"], found["tagged"], found["of_run"]) == ([run_id], [run_id], 1)
    assert found["like"] == 3


def test_pages_are_cut_after_sorting(report: Any, word: str) -> None:
    assert report["queries"]["page"] == [f"page-1-{word}", f"page-2-{word}"]


def test_what_is_missing_is_reported_as_missing(report: Any) -> None:
    assert {name: said.split() for name, said in report["missing"].items()} == {
        "read_flow": ["PrefectHTTPStatusError", "404"],
        "read_flow_run": ["ObjectNotFound", "404"],
        "read_task_run": ["PrefectHTTPStatusError", "404"],
        "delete_flow_run": ["ObjectNotFound", "404"],
        "set_flow_run_state": ["ObjectNotFound", "404"],
        "read_deployment": ["ObjectNotFound", "404"],
        "read_block_document": ["ObjectNotFound", "404"],
        "read_concurrency_limit_by_tag": ["ObjectNotFound", "404"],
        "delete_variable_by_name": ["ObjectNotFound", "404"],
    }


def test_a_deleted_flow_run_is_gone(report: Any, api: Api) -> None:
    flow_run_id, seen = report["deleted"]
    assert (seen, api.status(f"/flow_runs/{flow_run_id}")) == ("gone", 404)
