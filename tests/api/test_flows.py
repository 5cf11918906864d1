"""Flows over HTTP."""

import httpx
import pytest

from tests.api.records import (
    NOWHERE,
    held_slots,
    made,
    new_deployment,
    new_flow,
    new_flow_run,
    new_task_run,
    set_state,
    unique,
)


def test_a_flow_is_made_once_for_each_name(api: httpx.Client) -> None:
    """A second creation answers 200 with the first flow, whose tags stay."""
    name = unique("flow")
    first = api.post("/flows/", json={"name": name, "tags": ["b", "a"]})
    second = api.post("/flows/", json={"name": name, "tags": ["c"]})
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()
    assert first.json()["tags"] == ["b", "a"]


def test_a_number_is_a_name(api: httpx.Client) -> None:
    """Numbers become text, in names and in tags."""
    flow = made(api, "/flows/", {"name": 17, "tags": [1, True]})
    assert (flow["name"], flow["tags"]) == ("17", ["1", "True"])


@pytest.mark.parametrize("character", "/%&<>")
def test_a_name_can_stand_in_a_path(api: httpx.Client, character: str) -> None:
    """Characters that would break a path are refused."""
    answer = api.post("/flows/", json={"name": f"a{character}b"})
    assert answer.status_code == 422
    assert "contains an invalid character" in answer.json()["exception_detail"][0]["msg"]


def test_a_flow_is_read_by_id_and_by_name(api: httpx.Client) -> None:
    """Both ways give the same; what does not exist is 404."""
    flow = new_flow(api)
    assert api.get(f"/flows/{flow['id']}").json() == flow
    assert api.get(f"/flows/name/{flow['name']}").json() == flow
    for path in (f"/flows/{NOWHERE}", "/flows/name/no-such-flow"):
        answer = api.get(path)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Flow not found"})


def test_a_flow_changes_its_tags_alone(api: httpx.Client) -> None:
    """An update takes tags; its name is fixed, null is no list, and no fields at all is no error."""
    path = f"/flows/{new_flow(api, tags=['old'])['id']}"
    assert api.patch(path, json={"name": "other"}).status_code == 422
    assert api.patch(path, json={"tags": None}).status_code == 422
    assert api.patch(path, json={}).status_code == 204
    assert api.get(path).json()["tags"] == ["old"]
    assert api.patch(path, json={"tags": ["new"]}).status_code == 204
    assert api.get(path).json()["tags"] == ["new"]
    assert api.patch(f"/flows/{NOWHERE}", json={}).status_code == 404


def test_a_deleted_flow_takes_its_deployments_and_runs_along(api: httpx.Client) -> None:
    """Nothing that belongs to the flow outlives it, and the slots of its task runs are free again."""
    flow_id, tag = new_flow(api)["id"], unique("tag")
    made(api, "/concurrency_limits/", {"tag": tag, "concurrency_limit": 1})
    deployment = new_deployment(api, flow_id=flow_id, schedules=[{"schedule": {"interval": 60}}])
    flow_run = new_flow_run(api, flow_id=flow_id, state={"type": "RUNNING"})
    task_run = new_task_run(api, flow_run["id"], tags=[tag])
    set_state(api, f"/task_runs/{task_run['id']}", "RUNNING")
    assert held_slots(api, tag) == [task_run["id"]]

    assert api.delete(f"/flows/{flow_id}").status_code == 204
    gone = [f"/flows/{flow_id}", f"/deployments/{deployment['id']}"]
    gone += [f"/flow_runs/{flow_run['id']}", f"/task_runs/{task_run['id']}"]
    assert [api.get(path).status_code for path in gone] == [404] * 4
    assert held_slots(api, tag) == []
    assert api.delete(f"/flows/{flow_id}").json() == {"detail": "Flow not found"}
