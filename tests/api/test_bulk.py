"""What is done to many records at once over HTTP."""

from typing import Any

import httpx
import pytest

from tests.api.records import NOWHERE, made, new_deployment, new_flow, new_flow_run, new_task_run, set_state


@pytest.fixture
def flow_id(api: httpx.Client) -> str:
    return str(new_flow(api)["id"])


@pytest.fixture
def run_ids(api: httpx.Client, flow_id: str) -> list[str]:
    """Three flow runs of the flow, the newest first, as they are found."""
    return [new_flow_run(api, flow_id=flow_id)["id"] for _ in range(3)][::-1]


def post(api: httpx.Client, path: str, **body: Any) -> Any:
    answer = api.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def among(ids: list[str]) -> dict[str, Any]:
    return {"id": {"any_": ids}}


def test_flow_runs_are_deleted_with_all_that_goes_with_them(api: httpx.Client, run_ids: list[str]) -> None:
    """The newest of those asked for, as many as are allowed; a second time there are none."""
    task_run = new_task_run(api, run_ids[0])
    asked = among(run_ids)
    assert post(api, "/flow_runs/bulk_delete", flow_runs=asked, limit=2) == {"deleted": run_ids[:2]}
    assert [api.get(f"/flow_runs/{x}").status_code for x in run_ids] == [404, 404, 200]
    assert api.get(f"/task_runs/{task_run['id']}").status_code == 404
    assert post(api, "/flow_runs/bulk_delete", flow_runs=asked) == {"deleted": run_ids[2:]}
    assert post(api, "/flow_runs/bulk_delete", flow_runs=asked) == {"deleted": []}


def test_only_what_meets_the_filter_is_deleted(api: httpx.Client, run_ids: list[str]) -> None:
    set_state(api, f"/flow_runs/{run_ids[1]}", "COMPLETED")
    asked = among(run_ids) | {"state": {"type": {"any_": ["COMPLETED"]}}}
    assert post(api, "/flow_runs/bulk_delete", flow_runs=asked) == {"deleted": [run_ids[1]]}


def test_flows_are_deleted_with_their_deployments_and_runs(api: httpx.Client, run_ids: list[str], flow_id: str) -> None:
    other, kept = new_flow(api)["id"], new_flow(api)["id"]
    deployment = new_deployment(api, flow_id=flow_id, concurrency_limit=1)
    deleted = post(api, "/flows/bulk_delete", flows=among([flow_id, other, NOWHERE]))["deleted"]
    assert sorted(deleted) == sorted([flow_id, other])
    gone = [f"/flow_runs/{x}" for x in run_ids]
    gone += [f"/deployments/{deployment['id']}", f"/v2/concurrency_limits/deployment:{deployment['id']}"]
    assert {api.get(x).status_code for x in (*gone, f"/flows/{flow_id}")} == {404}
    assert api.get(f"/flows/{kept}").status_code == 200


def test_deployments_are_deleted_with_the_runs_that_have_not_begun(api: httpx.Client, flow_id: str) -> None:
    deployment = new_deployment(api, flow_id=flow_id)
    waiting, begun = (made(api, f"/deployments/{deployment['id']}/create_flow_run", {})["id"] for _ in range(2))
    set_state(api, f"/flow_runs/{begun}", "RUNNING")
    asked = among([deployment["id"], NOWHERE])
    assert post(api, "/deployments/bulk_delete", deployments=asked) == {"deleted": [deployment["id"]]}
    assert [api.get(f"/flow_runs/{x}").status_code for x in (waiting, begun)] == [404, 200]


def test_each_flow_run_is_decided_on_by_itself(api: httpx.Client, run_ids: list[str]) -> None:
    """As one that is asked for alone would be: what is refused is refused for that run."""
    set_state(api, f"/flow_runs/{run_ids[0]}", "COMPLETED")
    results = post(api, "/flow_runs/bulk_set_state", flow_runs=among(run_ids), state={"type": "CANCELLING"})["results"]
    assert [x["flow_run_id"] for x in results] == run_ids
    assert [x["status"] for x in results] == ["ABORT", "ACCEPT", "ACCEPT"]
    for result in results:
        run = api.get(f"/flow_runs/{result['flow_run_id']}").json()
        assert result["state"] == run["state"]
        assert result["state"]["state_details"]["flow_run_id"] == run["id"]
    assert results[0]["details"]["reason"]


def test_states_can_be_forced_on_many(api: httpx.Client, run_ids: list[str]) -> None:
    """Up to a limit, the newest first."""
    asked: dict[str, Any] = {"flow_runs": among(run_ids), "state": {"type": "FAILED", "message": "m"}, "force": True}
    results = post(api, "/flow_runs/bulk_set_state", **asked, limit=2)["results"]
    assert [(x["flow_run_id"], x["status"]) for x in results] == [(x, "ACCEPT") for x in run_ids[:2]]
    assert [api.get(f"/flow_runs/{x}").json()["state_type"] for x in run_ids] == ["FAILED", "FAILED", "PENDING"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/flow_runs/bulk_delete", {"limit": 0}),
        ("/flow_runs/bulk_delete", {"limit": 51}),
        ("/flow_runs/bulk_delete", {"flow_runs": {"unknown": 1}}),
        ("/flows/bulk_delete", {"limit": 51}),
        ("/deployments/bulk_delete", {"limit": 51}),
        ("/flow_runs/bulk_set_state", {"state": {"type": "RUNNING"}, "limit": 51}),
        ("/flow_runs/bulk_set_state", {"flow_runs": {"id": {"any_": []}}}),
    ],
)
def test_what_can_not_be_meant_is_refused(api: httpx.Client, path: str, body: Any) -> None:
    """More than 50 at once, filters that are not known, and no state."""
    assert api.post(path, json=body).status_code == 422


SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}


@pytest.fixture
def bulk_path(api: httpx.Client) -> str:
    """Where many runs are created of a deployment that insists on its schema."""
    deployment = new_deployment(api, enforce_parameter_schema=True, parameter_openapi_schema=SCHEMA, tags=["d"])
    return f"/deployments/{deployment['id']}/create_flow_run/bulk"


def test_many_runs_are_created_each_for_itself(api: httpx.Client, bulk_path: str) -> None:
    """In the order of the request. One that can't be is told with its reason; one of the same key is the same run."""
    broken = {"__prefect_kind": "json", "value": "{"}
    wanted = [
        {"parameters": {"x": 1}, "idempotency_key": "k", "name": "first"},
        {"parameters": {"x": "no number"}},
        {"parameters": {"x": broken}},
        {"parameters": {"x": 2}, "idempotency_key": "k"},
        {"parameters": {"x": 3}, "tags": ["t"], "state": {"type": "PENDING"}},
    ]
    results = api.post(bulk_path, json=wanted).json()["results"]
    assert [x["status"] for x in results] == ["CREATED", "FAILED", "FAILED", "CREATED", "CREATED"]
    assert [bool(x["error"]) for x in results] == [False, True, True, False, False]
    assert results[0]["flow_run_id"] == results[3]["flow_run_id"]
    first, last = (api.get(f"/flow_runs/{results[x]['flow_run_id']}").json() for x in (0, 4))
    assert (first["name"], first["parameters"], first["state_type"]) == ("first", {"x": 1}, "SCHEDULED")
    assert (last["tags"], last["state_type"], last["deployment_id"]) == (["d", "t"], "PENDING", bulk_path.split("/")[2])


def test_so_many_runs_are_created_at_once_and_no_more(api: httpx.Client, bulk_path: str) -> None:
    """A hundred; of a deployment that is there."""
    results = api.post(bulk_path, json=[{"parameters": {"x": x}} for x in range(100)]).json()["results"]
    assert len({x["flow_run_id"] for x in results}) == 100
    answer = api.post(bulk_path, json=[{}] * 101)
    assert (answer.status_code, answer.json()) == (400, {"detail": "Cannot create more than 100 flow runs at once."})
    assert api.post(bulk_path, json=[]).json() == {"results": []}
    assert api.post(f"/deployments/{NOWHERE}/create_flow_run/bulk", json=[]).status_code == 404
