"""What hangs on one run, over HTTP."""

from typing import Any

import httpx
import pytest

from tests.api.records import NOWHERE, made, new_deployment, new_flow_run, new_task_run, set_state, unique


def result_of(task_run: Any) -> list[dict[str, str]]:
    return [{"input_type": "task_run", "id": task_run["id"]}]


def answered(api: httpx.Client, path: str, **query: Any) -> Any:
    answer = api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def running(api: httpx.Client) -> str:
    return str(new_flow_run(api, state={"type": "RUNNING"})["id"])


def test_who_was_given_a_result_is_told_with_the_inputs_that_are_it(api: httpx.Client, running: str) -> None:
    """The oldest first; by a task's own inputs, not by who depends on those in turn."""
    source, stranger = new_task_run(api, running), new_task_run(api, running)
    first = new_task_run(api, running, name="first", task_inputs={"x": result_of(source), "y": result_of(stranger)})
    both = {"a": result_of(source) + result_of(stranger), "b": result_of(source)}
    second = new_task_run(api, running, name="second", state={"type": "RUNNING"}, task_inputs=both)
    new_task_run(api, running, task_inputs={"x": result_of(second)})
    path = f"/task_runs/{source['id']}/dependents"
    assert answered(api, path) == [
        {"id": first["id"], "name": "first", "state_type": "PENDING", "state_name": "Pending", "inputs": ["x"]},
        {"id": second["id"], "name": "second", "state_type": "RUNNING", "state_name": "Running", "inputs": ["a", "b"]},
    ]
    assert [x["name"] for x in answered(api, path, limit=1)] == ["first"]
    assert api.get(path, params={"limit": 201}).status_code == 422


def test_an_input_that_only_spells_an_id_is_no_dependency(api: httpx.Client, running: str) -> None:
    source = new_task_run(api, running)
    new_task_run(api, running, task_inputs={"x": [{"input_type": "parameter", "name": source["id"]}]})
    new_task_run(api, running, task_inputs={source["id"]: [{"input_type": "constant", "type": "int"}]})
    assert answered(api, f"/task_runs/{source['id']}/dependents") == []


def test_a_background_run_has_no_dependents(api: httpx.Client) -> None:
    source = new_task_run(api, None)
    new_task_run(api, None, task_inputs={"x": result_of(source)})
    assert answered(api, f"/task_runs/{source['id']}/dependents") == []


def test_the_slots_that_a_task_run_holds_are_told(api: httpx.Client, running: str) -> None:
    """By its state, or by a lease; those that it holds in both ways are the lease's."""
    tags = sorted(unique("tag") for _ in range(3))
    limits = [made(api, "/concurrency_limits/", {"tag": x, "concurrency_limit": 2}) for x in tags]
    run = new_task_run(api, running, tags=tags[:2])
    path = f"/task_runs/{run['id']}/slots"
    assert answered(api, path) == []
    set_state(api, f"/task_runs/{run['id']}", "RUNNING")
    leased = {"names": [f"tag:{x}" for x in tags[1:]], "slots": 1, "mode": "concurrency", "lease_duration": 60}
    lease = made(
        api,
        "/v2/concurrency_limits/increment-with-lease",
        leased | {"holder": {"type": "task_run", "id": run["id"]}},
    )
    held = answered(api, path)
    assert [(x["limit"]["name"], x["lease_id"]) for x in held] == [
        (f"tag:{tags[0]}", None),
        (f"tag:{tags[1]}", lease["lease_id"]),
        (f"tag:{tags[2]}", lease["lease_id"]),
    ]
    assert held[0] | {"limit": {}} == {"limit": {}, "slots": 1, "lease_id": None, "expiration": None}
    assert held[0]["limit"] == {"id": limits[0]["id"], "name": f"tag:{tags[0]}", "limit": 2}
    assert held[1]["expiration"] is not None
    set_state(api, f"/task_runs/{run['id']}", "COMPLETED")
    made_free = api.post("/v2/concurrency_limits/decrement-with-lease", json={"lease_id": lease["lease_id"]})
    assert made_free.status_code == 204
    assert answered(api, path) == []


def test_the_slot_that_a_flow_run_holds_of_its_deployment_is_told(api: httpx.Client) -> None:
    """It lasts as long as the run, for a client that renews no leases."""
    deployment = new_deployment(api, concurrency_limit=1)
    run = made(api, f"/deployments/{deployment['id']}/create_flow_run", {})
    for state_type in ("PENDING", "RUNNING"):
        set_state(api, f"/flow_runs/{run['id']}", state_type)
    (held,) = answered(api, f"/flow_runs/{run['id']}/slots")
    assert (held["limit"]["name"], held["slots"]) == (f"deployment:{deployment['id']}", 1)
    assert (held["lease_id"] is None, held["expiration"]) == (False, None)
    set_state(api, f"/flow_runs/{run['id']}", "COMPLETED")
    assert answered(api, f"/flow_runs/{run['id']}/slots") == []


@pytest.mark.parametrize("path", ["task_runs/{}/dependents", "task_runs/{}/slots", "flow_runs/{}/slots"])
def test_of_a_run_that_is_not_there_nothing_is_told(api: httpx.Client, path: str) -> None:
    assert api.get(path.format(NOWHERE)).status_code == 404
