"""Runs of deployments over HTTP."""

from typing import Any

import httpx
import pytest

from tests.api.records import NOWHERE, new_deployment, new_flow_run, new_task_run

SCHEMA = {
    "type": "object",
    "properties": {"x": {"type": "integer"}, "y": {"type": "string", "default": "q"}},
    "required": ["x"],
}


def run(api: httpx.Client, deployment: Any, **fields: Any) -> httpx.Response:
    return api.post(f"/deployments/{deployment['id']}/create_flow_run", json=fields)


def test_a_run_takes_after_its_deployment(api: httpx.Client) -> None:
    """Flow, version, parameters, tags and queue are the deployment's; it is scheduled for now."""
    deployment = new_deployment(api, version="7", parameters={"x": 1}, tags=["a"], work_queue_name="queue")
    answer = run(api, deployment)
    made = answer.json()
    assert answer.status_code == 201
    assert (made["flow_id"], made["deployment_id"]) == (deployment["flow_id"], deployment["id"])
    assert (made["deployment_version"], made["work_queue_name"]) == ("7", "queue")
    assert (made["parameters"], made["tags"], made["job_variables"]) == ({"x": 1}, ["a"], {})
    assert (made["state_type"], made["auto_scheduled"]) == ("SCHEDULED", False)
    assert made["state"]["state_details"]["scheduled_time"] is not None
    assert api.get(f"/flow_runs/{made['id']}").json()["state_id"] == made["state_id"]


def test_what_the_caller_gives_goes_first(api: httpx.Client) -> None:
    """Parameters one by one; tags are added."""
    deployment = new_deployment(api, parameters={"x": 1, "y": 2}, tags=["a", "b"], job_variables={"image": "i"})
    fields = {"name": "n", "context": {"c": 1}, "work_queue_name": "q", "job_variables": {"cpu": 1}}
    state = {"type": "SCHEDULED", "name": "Soon", "state_details": {"scheduled_time": "2031-01-01T00:00:00+00:00"}}
    answer = run(api, deployment, parameters={"y": 3, "z": 4}, tags=["b", "c"], state=state, **fields)
    made = answer.json()
    assert {name: made[name] for name in fields} == fields
    assert made["parameters"] == {"x": 1, "y": 3, "z": 4}
    assert made["tags"] == ["a", "b", "c"]
    assert (made["state_name"], made["next_scheduled_start_time"]) == ("Soon", "2031-01-01T00:00:00+00:00")
    deployment_after = api.get(f"/deployments/{deployment['id']}").json()
    assert deployment_after == deployment


def test_an_idempotency_key_makes_one_run(api: httpx.Client) -> None:
    """A repeated creation answers 200 with the first run, also where that was made without the deployment."""
    deployment = new_deployment(api)
    first = run(api, deployment, idempotency_key="k")
    again = run(api, deployment, idempotency_key="k", parameters={"x": 1})
    assert (first.status_code, again.status_code) == (201, 200)
    assert (again.json()["id"], again.json()["parameters"]) == (first.json()["id"], {})
    alone = new_flow_run(api, flow_id=deployment["flow_id"], idempotency_key="l")
    assert run(api, deployment, idempotency_key="l").json()["id"] == alone["id"]


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({}, {}),
        ({"job_variables": None}, {}),
        ({"job_variables": {"a": 1}}, {"a": 1}),
        ({"idempotency_key": "key"}, None),
        ({"idempotency_key": "key", "job_variables": {}}, {}),
    ],
)
def test_job_variables_are_the_run_s_own(api: httpx.Client, fields: dict[str, Any], kept: Any) -> None:
    """The deployment's are not copied; a run with an idempotency key tells none from an empty set of them."""
    deployment = new_deployment(api, job_variables={"image": "x"})
    assert run(api, deployment, **fields).json()["job_variables"] == kept


@pytest.mark.parametrize("state_type", ["PENDING", "RUNNING", "COMPLETED"])
def test_a_run_may_start_in_any_state(api: httpx.Client, state_type: str) -> None:
    """As the caller wants."""
    assert run(api, new_deployment(api), state={"type": state_type}).json()["state_type"] == state_type


def test_a_run_may_have_a_parent(api: httpx.Client) -> None:
    """The task run that stands for it is scheduled with it."""
    task_run = new_task_run(api, new_flow_run(api)["id"])
    made = run(api, new_deployment(api), parent_task_run_id=task_run["id"]).json()
    after = api.get(f"/task_runs/{task_run['id']}").json()
    assert (after["state_type"], made["parent_task_run_id"]) == ("SCHEDULED", task_run["id"])
    assert after["state"]["state_details"]["child_flow_run_id"] == made["id"]


def test_a_paused_deployment_can_be_run(api: httpx.Client) -> None:
    """Only its schedules are off."""
    assert run(api, new_deployment(api, paused=True)).status_code == 201


def test_an_automation_is_named_as_the_creator(api: httpx.Client) -> None:
    """As for any flow run."""
    headers = {"prefect-automation-id": NOWHERE, "prefect-automation-name": "bmlnaHRseQ=="}
    answer = api.post(f"/deployments/{new_deployment(api)['id']}/create_flow_run", json={}, headers=headers)
    assert answer.json()["created_by"]["display_value"] == "nightly"


def test_placeholders_are_put_into_effect(api: httpx.Client) -> None:
    """Those of the deployment, and those of the caller."""
    deployment = new_deployment(api, parameters={"x": {"__prefect_kind": "json", "value": "7"}})
    parameters = {"y": {"__prefect_kind": "jinja", "template": "{{ 1 + 1 }}"}}
    assert run(api, deployment, parameters=parameters).json()["parameters"] == {"x": 7, "y": "2"}
    answer = run(api, deployment, parameters={"y": {"__prefect_kind": "none"}})
    detail = "Error hydrating flow run parameters: Missing 'value' key in __prefect object"
    assert (answer.status_code, answer.json()) == (400, {"detail": detail})


def test_parameters_must_fit_an_enforced_schema(api: httpx.Client) -> None:
    """And be complete, since the run is about to start."""
    deployment = new_deployment(api, parameter_openapi_schema=SCHEMA, enforce_parameter_schema=True)
    for parameters, reason in (
        ({}, "Validation failed. Failure reason: 'x' is a required property"),
        ({"x": "1"}, "Validation failed for field 'x'. Failure reason: '1' is not of type 'integer'"),
    ):
        answer = run(api, deployment, parameters=parameters)
        assert (answer.status_code, answer.json()) == (409, {"detail": f"Error creating flow run: {reason}"})
    assert run(api, deployment, parameters={"x": 1}).status_code == 201


def test_the_caller_may_enforce_the_schema_or_not(api: httpx.Client) -> None:
    """Whatever the deployment says."""
    loose = new_deployment(api, parameter_openapi_schema=SCHEMA)
    assert run(api, loose).status_code == 201
    assert run(api, loose, enforce_parameter_schema=True).status_code == 409
    strict = new_deployment(api, parameter_openapi_schema=SCHEMA, enforce_parameter_schema=True)
    assert run(api, strict, enforce_parameter_schema=False).status_code == 201


def test_there_must_be_a_schema_to_enforce(api: httpx.Client) -> None:
    """And it must be one."""
    answer = run(api, new_deployment(api), enforce_parameter_schema=True)
    assert answer.status_code == 409
    assert "does not have a valid parameter schema" in answer.json()["detail"]
    answer = run(api, new_deployment(api, parameter_openapi_schema={"type": "nope"}), enforce_parameter_schema=True)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("Invalid schema: ")


@pytest.mark.parametrize("fields", [{"flow_id": NOWHERE}, {"parameters": None}, {"tags": None}, {"context": None}])
def test_a_malformed_body_is_422(api: httpx.Client, fields: dict[str, Any]) -> None:
    """The flow, too, is the deployment's."""
    assert run(api, new_deployment(api), **fields).status_code == 422


@pytest.mark.parametrize("field", ["parent_task_run_id", "infrastructure_document_id"])
def test_a_reference_to_nothing_is_a_conflict(api: httpx.Client, field: str) -> None:
    """As for any flow run."""
    assert run(api, new_deployment(api), **{field: NOWHERE}).status_code == 409


def test_an_unknown_deployment_is_404(api: httpx.Client) -> None:
    """It has no runs."""
    answer = run(api, {"id": NOWHERE})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Deployment not found"})
