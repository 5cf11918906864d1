"""Job variables of deployments and runs, held against the template of their work pool."""

from typing import Any

import httpx
import pytest

from tests.api.records import made, new_deployment, new_flow, unique
from tests.api.work import PROCESS, new_pool

REQUIRED = {
    "job_configuration": {"image": "{{ image }}"},
    "variables": {"type": "object", "properties": {"image": {"type": "string"}}, "required": ["image"]},
}


def create(api: httpx.Client, pool: Any, **fields: Any) -> httpx.Response:
    body = {"flow_id": new_flow(api)["id"], "name": unique("d"), "work_pool_name": pool["name"]}
    return api.post("/deployments/", json=body | fields)


def reason(field: str, value: str) -> str:
    """What is told of a text that is no number."""
    return (
        f"Validation failed for field '{field}'. Failure reason: '{value}' is not valid under any of the given schemas"
    )


def test_a_deployment_sets_what_the_template_declares(api: httpx.Client) -> None:
    """422 where it doesn't fit, and nothing is made. What the template does not know is let pass."""
    pool = new_pool(api, base_job_template=PROCESS)
    for fit in ({"cpu": 2}, {"cpu": None}, {}, {"unknown": 1}):
        answer = create(api, pool, job_variables=fit)
        assert (answer.status_code, answer.json()["job_variables"]) == (201, fit)
    unfit = create(api, pool, name="unfit", job_variables={"cpu": "many"})
    assert (unfit.status_code, unfit.json()) == (
        422,
        {"detail": f"Error creating deployment: {reason('cpu', 'many')}"},
    )


def test_what_is_required_may_come_with_the_run(api: httpx.Client) -> None:
    """A run without it is 422."""
    pool = new_pool(api, base_job_template=REQUIRED)
    deployment = create(api, pool).json()
    path = f"/deployments/{deployment['id']}/create_flow_run"
    missing = api.post(path, json={})
    detail = "Error creating flow run: Validation failed. Failure reason: 'image' is a required property"
    assert (missing.status_code, missing.json()) == (422, {"detail": detail})
    assert made(api, path, {"job_variables": {"image": "a"}})["job_variables"] == {"image": "a"}
    assert api.post(path, json={"job_variables": {"image": 1}}).status_code == 422


def test_the_variables_of_a_run_go_before_those_of_its_deployment(api: httpx.Client) -> None:
    pool = new_pool(api, base_job_template=PROCESS)
    deployment = create(api, pool, job_variables={"cpu": 2}).json()
    path = f"/deployments/{deployment['id']}/create_flow_run"
    assert api.post(path, json={"job_variables": {"cpu": "x"}}).status_code == 422
    run = made(api, path, {"job_variables": {"cpu": 3}})
    answer = api.patch(f"/flow_runs/{run['id']}", json={"job_variables": {"cpu": "x"}})
    detail = f"Error updating flow run: {reason('cpu', 'x')}"
    assert (answer.status_code, answer.json()) == (422, {"detail": detail})
    assert api.get(f"/flow_runs/{run['id']}").json()["job_variables"] == {"cpu": 3}
    assert api.patch(f"/flow_runs/{run['id']}", json={"job_variables": {"cpu": 4}}).status_code == 204


def test_a_deployment_that_moves_to_a_pool_fits_there(api: httpx.Client) -> None:
    """409 where it doesn't, and it stays."""
    deployment, pool = new_deployment(api), new_pool(api, base_job_template=PROCESS)
    path = f"/deployments/{deployment['id']}"
    answer = api.patch(path, json={"work_pool_name": pool["name"], "job_variables": {"cpu": "x"}})
    detail = "Error creating deployment: <ValidationError: \"'x' is not of type 'integer'\">"
    assert (answer.status_code, answer.json()) == (409, {"detail": detail})
    assert api.get(path).json() == deployment
    assert api.patch(path, json={"work_pool_name": pool["name"], "job_variables": {"cpu": 1}}).status_code == 204


def test_a_default_that_does_not_fit_any_more_is_left_out(api: httpx.Client) -> None:
    """A template that was changed is not held against its deployments: what is required may be missing then."""
    pool = new_pool(api, base_job_template=REQUIRED)
    deployment = create(api, pool).json()
    properties = REQUIRED["variables"]["properties"] | {"cpu": {"type": "integer", "default": "x"}}
    template = REQUIRED | {"variables": REQUIRED["variables"] | {"properties": properties}}
    assert api.patch(f"/work_pools/{pool['name']}", json={"base_job_template": template}).status_code == 204
    assert api.post(f"/deployments/{deployment['id']}/create_flow_run", json={}).status_code == 201


@pytest.mark.parametrize("template", [{}, {"job_configuration": {"a": 1}, "variables": {"description": "any"}}])
def test_a_template_that_declares_nothing_lets_all_pass(api: httpx.Client, template: Any) -> None:
    pool = new_pool(api, base_job_template=template)
    deployment = create(api, pool, job_variables={"anything": [1]}).json()
    made(api, f"/deployments/{deployment['id']}/create_flow_run", {"job_variables": {"other": {}}})
