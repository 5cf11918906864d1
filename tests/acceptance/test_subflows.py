"""Flows that call flows: each subflow run hangs under a task run of its parent."""

from typing import Any

import pytest

from .api import Api
from .client import Client


@pytest.fixture(scope="module")
def report(client: Client, word: str) -> Any:
    """What `flows/subflows.py` saw."""
    return client.script("subflows", word)


def test_results_pass_into_a_subflow_and_out_of_it(report: Any) -> None:
    seen = report["sync"]
    assert (seen["type"], seen["result"]["child"]["total"], seen["result"]["after"]) == ("COMPLETED", 3, 4)


def test_a_subflow_knows_its_parent(report: Any) -> None:
    assert report["sync"]["result"]["child"]["parent"] == report["sync"]["id"]


def test_a_subflow_run_hangs_under_a_task_run_of_its_parent(report: Any, api: Api) -> None:
    child = api.flow_run(report["sync"]["result"]["child"]["id"])
    dummy = api.get(f"/task_runs/{child['parent_task_run_id']}")
    assert dummy["flow_run_id"] == report["sync"]["id"]
    assert dummy["state"]["state_details"]["child_flow_run_id"] == child["id"]
    assert dummy["state_type"] == child["state_type"] == "COMPLETED"


def test_the_parent_task_run_follows_its_subflow_s_states(report: Any, api: Api) -> None:
    child = api.flow_run(report["sync"]["result"]["child"]["id"])
    assert api.task_states(child["parent_task_run_id"]) == ["Pending", "Pending", "Running", "Completed"]


def test_the_parent_task_run_names_the_subflow_s_inputs(report: Any, api: Api) -> None:
    child = api.flow_run(report["sync"]["result"]["child"]["id"])
    first = next(run for run in api.task_runs(report["sync"]["id"]) if run["name"] == "add-0")
    inputs = api.get(f"/task_runs/{child['parent_task_run_id']}")["task_inputs"]
    assert inputs["number"] == [{"input_type": "task_run", "id": first["id"]}]


def test_a_failed_subflow_fails_its_parent_task_run_and_not_its_parent(report: Any, api: Api) -> None:
    child_id, name = report["sync"]["result"]["failed"]
    child = api.flow_run(child_id)
    assert name == child["state_name"] == "Failed"
    assert api.get(f"/task_runs/{child['parent_task_run_id']}")["state_type"] == "FAILED"
    assert api.flow_run(report["sync"]["id"])["state_type"] == "COMPLETED"


def test_async_subflows_run_at_once_each_under_its_own_task_run(report: Any, api: Api) -> None:
    seen = report["async"]
    assert [total for _, total in seen["result"]] == [0, 2, 4]
    children = [api.flow_run(child_id) for child_id, _ in seen["result"]]
    assert {child["state_type"] for child in children} == {"COMPLETED"}
    assert {child["parent_task_run_id"] for child in children} == {run["id"] for run in api.task_runs(seen["id"])}


def test_subflows_are_found_by_their_parent(report: Any, api: Api) -> None:
    parent = report["async"]["id"]
    found = api.pages("/flow_runs/filter", {"flow_runs": {"parent_flow_run_id": {"any_": [parent]}}})
    assert {run["id"] for run in found} == {child_id for child_id, _ in report["async"]["result"]}


def test_the_graph_of_a_run_shows_tasks_and_subflows_with_their_links(report: Any, api: Api) -> None:
    seen = report["sync"]
    nodes = dict(api.get(f"/flow_runs/{seen['id']}/graph-v2")["nodes"])
    kinds = sorted((node["kind"], node["state_type"]) for node in nodes.values())
    assert kinds == [
        ("flow-run", "COMPLETED"),
        ("flow-run", "FAILED"),
        ("task-run", "COMPLETED"),
        ("task-run", "COMPLETED"),
    ]
    child = nodes[seen["result"]["child"]["id"]]
    first = next(run for run in api.task_runs(seen["id"]) if run["name"] == "add-0")
    assert {parent["id"] for parent in child["parents"]} == {first["id"]}
