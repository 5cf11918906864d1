"""Deployments and their schedules, created, changed, paused and deleted by many at once."""

from typing import Any

import httpx

from tests.api.records import made, new_deployment, new_flow, unique
from tests.concurrency.conftest import Fleet, delete, patch, post, statuses

MANY = 12

HOURLY = {"interval": 3600}
DAILY = {"interval": 86400}


def schedules_of(api: httpx.Client, deployment: Any) -> list[Any]:
    """The schedules of a deployment, the last changed first."""
    found: list[Any] = api.get(f"/deployments/{deployment['id']}/schedules").json()
    return found


def test_a_deployment_is_made_once(fleet: Fleet) -> None:
    """Whoever comes second replaces it, so that it has the schedules of one of them. (Guards.)"""
    body = {"flow_id": new_flow(fleet.api)["id"], "name": unique("deployment")}
    schedules = [{"schedule": HOURLY}, {"schedule": DAILY}]
    answers = fleet.at_once(*[post("/deployments/", body | {"schedules": schedules})] * MANY)
    assert statuses(answers) == {201: 1, 200: MANY - 1}
    assert len({x.json()["id"] for x in answers}) == 1
    assert len(schedules_of(fleet.api, answers[0].json())) == 2


def test_a_deployment_is_made_while_it_is_deleted(fleet: Fleet) -> None:
    """Each is answered as if it were alone."""
    body = {"flow_id": new_flow(fleet.api)["id"], "name": unique("deployment")}
    for _ in range(6):
        existing = made(fleet.api, "/deployments/", body)
        create, remove = post("/deployments/", body), delete(f"/deployments/{existing['id']}")
        answers = fleet.at_once(create, remove, create, create)
        assert answers.pop(1).status_code == 204
        assert statuses(answers) in ({200: 3}, {200: 2, 201: 1})


def test_a_queue_given_meanwhile_is_kept(fleet: Fleet) -> None:
    """One who creates a deployment again without naming a queue leaves it in the one that it is in."""
    for _ in range(6):
        body = {"flow_id": new_flow(fleet.api)["id"], "name": unique("deployment")}
        existing = made(fleet.api, "/deployments/", body)
        path = f"/deployments/{existing['id']}"
        again = post("/deployments/", body)
        fleet.at_once(again, patch(path, {"work_queue_name": "queue"}), again)
        assert fleet.api.get(path).json()["work_queue_name"] == "queue"


def test_older_clients_change_what_they_name(fleet: Fleet) -> None:
    """One gives the schedule, another switches it off: it is the new one, and off."""
    for _ in range(6):
        deployment = new_deployment(fleet.api, schedule=HOURLY)
        path = f"/deployments/{deployment['id']}"
        answers = fleet.at_once(patch(path, {"schedule": DAILY}), patch(path, {"is_schedule_active": False}))
        assert statuses(answers) == {204: 2}
        (schedule,) = schedules_of(fleet.api, deployment)
        assert (schedule["schedule"]["interval"], schedule["active"]) == (86400, False)


def test_parameters_fit_the_schema_that_is_insisted_on(fleet: Fleet) -> None:
    """Of one who insists on the schema and one whose parameters do not fit, the second is refused."""
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}}
    for _ in range(6):
        deployment = new_deployment(fleet.api, parameter_openapi_schema=schema, parameters={"x": 1})
        path = f"/deployments/{deployment['id']}"
        answers = fleet.at_once(
            patch(path, {"enforce_parameter_schema": True}), patch(path, {"parameters": {"x": "one"}})
        )
        assert statuses(answers) == {204: 1, 409: 1}


def test_schedules_are_added_while_the_deployment_is_deleted(fleet: Fleet) -> None:
    """Each is added or refused as of a deployment that is not there."""
    for _ in range(4):
        deployment = new_deployment(fleet.api)
        path = f"/deployments/{deployment['id']}"
        calls = [post(f"{path}/schedules", [{"schedule": HOURLY}])] * MANY
        answers = fleet.at_once(*calls[:4], delete(path), *calls[4:])
        assert answers.pop(4).status_code == 204
        assert statuses(answers).keys() <= {201, 404}


def test_all_that_touches_a_deployment_at_once(fleet: Fleet) -> None:
    """Nobody waits for one who waits for them, and nothing of the flow is left when it is deleted."""
    for _ in range(4):
        flow = new_flow(fleet.api)
        deployment = new_deployment(fleet.api, flow_id=flow["id"], schedules=[{"schedule": HOURLY}])
        path = f"/deployments/{deployment['id']}"
        schedule = f"{path}/schedules/{schedules_of(fleet.api, deployment)[0]['id']}"
        body = {"flow_id": flow["id"], "name": deployment["name"], "schedules": [{"schedule": DAILY}]}
        answers = fleet.at_once(
            *[post(f"{path}/create_flow_run", {})] * 3,
            patch(path, {"description": "changed"}),
            post("/deployments/", body),
            patch(schedule, {"active": False}),
            post(f"{path}/pause_deployment"),
            post(f"{path}/resume_deployment"),
            delete(schedule),
            delete(path),
            delete(f"/flows/{flow['id']}"),
        )
        assert statuses(answers).keys() <= {200, 201, 204, 404, 409}
        assert fleet.api.get(f"/flows/{flow['id']}").status_code == 404
        left = {"flows": {"id": {"any_": [flow["id"]]}}}
        assert fleet.api.post("/deployments/count", json=left).json() == 0
        assert fleet.api.post("/flow_runs/count", json=left).json() == 0
