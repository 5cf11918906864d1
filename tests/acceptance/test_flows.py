"""Everyday flows: what they return, and what the server then knows of their runs, states and logs."""

from collections import Counter
from typing import Any

import pytest

from .api import Api
from .client import Client


@pytest.fixture(scope="module")
def report(client: Client, word: str) -> Any:
    """What `flows/basics.py` saw."""
    return client.script("basics", word)


def test_a_flow_returns_its_result_and_ends_completed(report: Any, api: Api, word: str) -> None:
    seen = report["plain"]
    assert (seen["type"], seen["result"]) == ("COMPLETED", 20)
    run = api.flow_run(seen["id"])
    assert (run["state_type"], run["state_name"], run["run_count"]) == ("COMPLETED", "Completed", 1)
    assert (run["parameters"], run["flow_version"], run["deployment_id"]) == ({"start": 3}, "7", None)
    assert api.get(f"/flows/{run['flow_id']}")["name"] == f"plain-{word}"
    assert api.flow_states(seen["id"]) == ["Pending", "Running", "Completed"]


def test_a_flow_run_is_named_by_the_flow_s_own_template(report: Any, api: Api, word: str) -> None:
    assert api.flow_run(report["plain"]["id"])["name"] == f"plain-3-{word}"


def test_task_runs_go_through_pending_running_completed_once(report: Any, api: Api) -> None:
    runs = api.task_runs(report["plain"]["id"])
    assert [run["state_type"] for run in runs] == ["COMPLETED"] * 3
    assert [run["run_count"] for run in runs] == [1] * 3
    for run in runs:
        assert api.task_states(run["id"]) == ["Pending", "Running", "Completed"]
        assert run["expected_start_time"] <= run["start_time"] <= run["end_time"]


def test_a_task_run_is_named_by_the_task_s_own_template_and_keeps_its_tags(report: Any, api: Api, word: str) -> None:
    run = api.task_run(report["plain"]["id"], "add-3-to-2")
    assert run["tags"] == [f"arithmetic-{word}"]
    tagged = api.pages("/task_runs/filter", {"task_runs": {"tags": {"all_": [f"arithmetic-{word}"]}}})
    assert run["id"] in [found["id"] for found in tagged]


def test_task_inputs_name_the_task_runs_they_came_from(report: Any, api: Api) -> None:
    flow_run_id = report["dependencies"]["id"]
    first = api.task_run(flow_run_id, "add-1-to-1")
    second = api.task_run(flow_run_id, "double")
    last = api.task_run(flow_run_id, "note")
    assert second["task_inputs"]["number"] == [{"input_type": "task_run", "id": first["id"]}]
    assert {source["id"] for source in last["task_inputs"]["wait_for"]} == {first["id"], second["id"]}
    assert last["start_time"] >= second["end_time"] >= first["end_time"]


def test_allow_failure_lets_a_task_run_after_its_upstream_failed(report: Any, api: Api) -> None:
    seen = report["dependencies"]["result"]
    assert (seen["last"], seen["survived"]) == ("after both", "ValueError")
    survivors = [run for run in api.task_runs(report["dependencies"]["id"]) if run["name"].startswith("survive-")]
    assert Counter(run["state_name"] for run in survivors) == {"Completed": 1, "NotReady": 1}


def test_a_task_whose_upstream_failed_never_runs(report: Any, api: Api) -> None:
    assert report["dependencies"]["result"]["skipped"] == "NotReady"
    (run,) = [run for run in api.task_runs(report["dependencies"]["id"]) if run["state_name"] == "NotReady"]
    assert (run["state_type"], run["run_count"], run["start_time"]) == ("PENDING", 0, None)
    assert run["state"]["message"].endswith("did not reach a 'COMPLETED' state.")


def test_a_failing_task_ends_failed_with_its_exception_as_message(report: Any, api: Api) -> None:
    kind, called, message = report["dependencies"]["result"]["failed"]
    assert (kind, called, message) == ("FAILED", "FAILED", "Task run encountered an exception ValueError: no such luck")
    failed = [run for run in api.task_runs(report["dependencies"]["id"]) if run["state_type"] == "FAILED"]
    assert [run["state"]["message"] for run in failed] == [message, message]


def test_a_failing_flow_raises_for_its_caller_and_ends_failed(report: Any, api: Api) -> None:
    assert report["raised"] == "ValueError('no such luck')"
    seen = report["failing"]
    run = api.flow_run(seen["id"])
    assert run["state_type"] == seen["type"] == "FAILED"
    assert run["state"]["message"] == seen["message"] == "Flow run encountered an exception. ValueError: no such luck"
    assert api.state_counts(seen["id"]) == {"Failed": 1}


def test_an_async_flow_calls_submits_and_maps_async_tasks(report: Any, api: Api) -> None:
    seen = report["asynchronous"]
    assert (seen["type"], seen["result"]) == ("COMPLETED", 15)
    assert api.state_counts(seen["id"]) == {"Completed": 3}


def test_logs_of_the_flow_and_its_tasks_can_be_read_back(report: Any, api: Api) -> None:
    flow_run_id = report["plain"]["id"]
    logs = api.logs(flow_run_id)
    messages = {log["message"]: log for log in logs}
    assert messages[f"started as {api.flow_run(flow_run_id)['name']}"]["level"] == 30
    assert messages["adding 3 and 2"]["task_run_id"] == api.task_run(flow_run_id, "add-3-to-2")["id"]
    assert {"doubling 5", "doubling 10"} <= set(messages)
    assert messages["Created task run 'add-0' for task 'add'"]["task_run_id"] is None
    assert [log["timestamp"] for log in logs] == sorted(log["timestamp"] for log in logs)


def test_logs_are_found_by_task_run_and_by_level(report: Any, api: Api) -> None:
    flow_run_id = report["plain"]["id"]
    task_run_id = api.task_run(flow_run_id, "add-3-to-2")["id"]
    of_task = api.pages("/logs/filter", {"logs": {"task_run_id": {"any_": [task_run_id]}}})
    assert {log["message"] for log in of_task} == {"adding 3 and 2", "Finished in state Completed()"}
    warnings = api.pages("/logs/filter", {"logs": {"flow_run_id": {"any_": [flow_run_id]}, "level": {"ge_": 30}}})
    assert [log["message"] for log in warnings] == [f"started as {api.flow_run(flow_run_id)['name']}"]
