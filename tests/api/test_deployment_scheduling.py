"""Runs that deployments are to have: made on request, asked for by those who serve them, and made by schedules."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from interlock.settings import Settings
from tests.conftest import FreshDatabase, LiveServer
from tests.postgres import wait_until

AT_ONCE = {"scheduler_recent_seconds": 0.05, "late_runs_loop_seconds": 0.05, "late_runs_after_seconds": 0.2}
DAILY = {"schedule": {"cron": "0 9 * * *", "timezone": "Europe/Berlin"}}
NEVER = {"schedule": {"cron": "0 9 * * *"}, "active": False}


@pytest.fixture
def deploy(api: httpx.Client) -> Callable[..., dict[str, Any]]:
    """Makes a deployment of a flow of its own."""

    def make(*schedules: Any, client: httpx.Client = api, **values: Any) -> dict[str, Any]:
        flow = client.post("/flows/", json={"name": uuid.uuid4().hex, "labels": {"of": "flow"}}).json()
        body = {"name": "name", "flow_id": flow["id"], "schedules": schedules} | values
        answer = client.post("/deployments/", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()  # type: ignore[no-any-return]

    return make


def runs_of(api: httpx.Client, deployment: dict[str, Any]) -> list[dict[str, Any]]:
    body = {"deployments": {"id": {"any_": [deployment["id"]]}}, "sort": "NEXT_SCHEDULED_START_TIME_ASC"}
    return api.post("/flow_runs/filter", json=body).json()  # type: ignore[no-any-return]


def times(runs: list[dict[str, Any]]) -> list[str]:
    return [x["next_scheduled_start_time"][:16] for x in runs]


def test_past_runs_are_made_on_request_and_once(api: httpx.Client, deploy: Callable[..., Any]) -> None:
    """So many, from and to the times given."""
    deployment = deploy(DAILY, NEVER, tags=["t"])
    asked = {"start_time": "2024-03-29T00:00:00Z", "end_time": "2024-04-01T07:00:00Z", "min_runs": 10}
    for _ in range(2):
        answer = api.post(f"/deployments/{deployment['id']}/schedule", json=asked)
        assert (answer.status_code, answer.json()) == (200, None)
        found = [x for x in runs_of(api, deployment) if x["expected_start_time"] < "2025"]
        assert times(found) == ["2024-03-29T08:00", "2024-03-30T08:00", "2024-03-31T07:00", "2024-04-01T07:00"]
    assert (found[0]["auto_scheduled"], found[0]["tags"]) == (True, ["auto-scheduled", "t"])
    assert found[0]["labels"]["of"] == "flow"
    details = found[0]["state"]["state_details"]
    assert details["scheduled_time"] == "2024-03-29T09:00:00+01:00"


@pytest.mark.parametrize(
    ("asked", "made"),
    [
        ({"min_runs": 5}, 5),
        ({"min_runs": 5, "max_runs": 2}, 2),
        ({"min_runs": 1, "min_time": 345_600}, 5),
        ({"min_runs": 1, "min_time": "P4D"}, 5),
        ({"max_runs": 0}, 0),
        ({"end_time": "2020-01-01T00:00:00Z"}, 0),
    ],
)
def test_how_many_runs_are_made_is_bounded(
    api: httpx.Client, deploy: Callable[..., Any], asked: dict[str, Any], made: int
) -> None:
    deployment = deploy(DAILY)
    begin = {"start_time": "2024-01-01T00:00:00Z"}
    assert api.post(f"/deployments/{deployment['id']}/schedule", json=begin | asked).status_code == 200
    assert len([x for x in runs_of(api, deployment) if x["expected_start_time"] < "2025"]) == made


def test_an_unknown_deployment_has_no_runs_to_make(api: httpx.Client) -> None:
    """Both lines of servers answer so."""
    assert api.post(f"/deployments/{uuid.uuid4()}/schedule", json={}).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("schedule", {"start_time": "soon"}),
        ("schedule", {"max_runs": "many"}),
        ("get_scheduled_flow_runs", {}),
        ("get_scheduled_flow_runs", {"deployment_ids": ["x"]}),
        ("get_scheduled_flow_runs", {"deployment_ids": [], "limit": 201}),
    ],
)
def test_a_wrong_request_is_422(api: httpx.Client, deploy: Callable[..., Any], path: str, body: Any) -> None:
    place = f"{deploy()['id']}/schedule" if path == "schedule" else path
    assert api.post(f"/deployments/{place}", json=body).status_code == 422


def test_a_schedule_that_never_fires_is_told(api: httpx.Client, deploy: Callable[..., Any]) -> None:
    deployment = deploy({"schedule": {"cron": "0 0 30 2 *"}})
    answer = api.post(f"/deployments/{deployment['id']}/schedule", json={})
    assert (answer.status_code, answer.json()["detail"][:16]) == (422, "Invalid schedule")


# Who serves


def test_who_serves_deployments_is_told_their_runs_in_order(api: httpx.Client, deploy: Callable[..., Any]) -> None:
    """Those that wait, late ones too, of these deployments alone, up to a time and so many."""
    mine, also, other = deploy(), deploy(), deploy()
    now = datetime.now(UTC)

    def run(deployment: dict[str, Any], minutes: int, kind: str = "SCHEDULED", name: str | None = None) -> str:
        time = (now + timedelta(minutes=minutes)).isoformat()
        state = {"type": kind, "name": name, "state_details": {"scheduled_time": time}}
        body = {"state": state}
        answer = api.post(f"/deployments/{deployment['id']}/create_flow_run", json=body)
        return str(answer.json()["id"])

    second, first = run(also, 1), run(mine, -9, name="Late")
    far = run(mine, 60)
    run(other, 0)
    run(mine, 0, "PENDING")
    asked = {"deployment_ids": [mine["id"], also["id"]]}
    soon = {"scheduled_before": (now + timedelta(minutes=5)).isoformat()}

    def told(**more: Any) -> list[str]:
        answer = api.post("/deployments/get_scheduled_flow_runs", json=asked | more)
        assert answer.status_code == 200
        return [x["id"] for x in answer.json()]

    assert told() == [first, second, far]
    assert told(**soon) == [first, second]
    assert told(limit=1) == [first]
    assert told(deployment_ids=[]) == []


def test_who_asks_makes_the_deployment_ready(api: httpx.Client, deploy: Callable[..., Any]) -> None:
    """That is no change of it; and not every poll is written down."""
    deployment = deploy()
    path = f"/deployments/{deployment['id']}"
    assert (deployment["status"], deployment["last_polled"]) == ("NOT_READY", None)
    polls = []
    for _ in range(2):
        api.post("/deployments/get_scheduled_flow_runs", json={"deployment_ids": [deployment["id"]]})
        polls.append(api.get(path).json())
    assert [x["status"] for x in polls] == ["READY", "READY"]
    assert polls[0]["last_polled"] == polls[1]["last_polled"] is not None
    assert polls[1]["updated"] == deployment["updated"]


# Labels and switches


def test_a_run_of_a_deployment_has_its_labels_however_it_is_made(api: httpx.Client, deploy: Callable[..., Any]) -> None:
    deployment = deploy(labels={"of": "deployment", "team": "us"})
    body = {"flow_id": deployment["flow_id"], "deployment_id": deployment["id"], "labels": {"own": 1}}
    made = api.post("/flow_runs/", json=body).json()
    ids = {"prefect.flow.id": deployment["flow_id"], "prefect.deployment.id": deployment["id"]}
    assert made["labels"] == {"of": "deployment", "team": "us", "own": 1} | ids


def test_a_3x_client_pauses_a_deployment_with_several_schedules(api: httpx.Client, deploy: Callable[..., Any]) -> None:
    """Each schedule keeps its switch; to a 2.x client, which knows one schedule, it is refused."""
    deployment = deploy(DAILY, NEVER)
    path = f"/deployments/{deployment['id']}"
    agent = {"user-agent": "prefect/3.9.1 (API 0.8.4)"}
    assert api.post(f"{path}/pause_deployment").status_code == 422
    for verb, paused in (("pause", True), ("resume", False)):
        assert api.post(f"{path}/{verb}_deployment", headers=agent).status_code == 200
        found = api.get(path).json()
        assert (found["paused"], sorted(x["active"] for x in found["schedules"])) == (paused, [False, True])


# The services of a running server


@pytest.fixture(scope="module")
def serving(fresh_database: FreshDatabase) -> Iterator[httpx.Client]:
    """A server whose services look often."""
    with (
        fresh_database() as url,
        LiveServer(Settings(database_url=url, **AT_ONCE)) as server,  # type: ignore[arg-type]
        server.client() as client,
    ):
        yield client


def test_runs_appear_by_themselves_and_change_with_their_schedule(
    serving: httpx.Client, deploy: Callable[..., Any]
) -> None:
    """Created, paused, resumed, and with another schedule."""
    deployment = deploy({"schedule": {"cron": "0 9 * * *"}}, client=serving)
    path = f"/deployments/{deployment['id']}"

    def at(hour: str) -> Callable[[], bool]:
        return lambda: [x[11:13] for x in times(runs_of(serving, deployment))] == [hour] * 3

    wait_until(at("09"), "runs at nine")
    serving.post(f"{path}/pause_deployment")
    assert runs_of(serving, deployment) == []
    serving.post(f"{path}/resume_deployment")
    wait_until(at("09"), "runs at nine")
    (schedule,) = serving.get(path).json()["schedules"]
    serving.patch(f"{path}/schedules/{schedule['id']}", json={"schedule": {"cron": "0 7 * * *"}})
    wait_until(at("07"), "runs at seven")
    serving.patch(path, json={"schedules": [{"schedule": {"cron": "0 5 * * *"}}]})
    wait_until(at("05"), "runs at five")


def test_a_run_that_nobody_begins_becomes_late(serving: httpx.Client, deploy: Callable[..., Any]) -> None:
    deployment = deploy(client=serving)
    run = serving.post(f"/deployments/{deployment['id']}/create_flow_run", json={}).json()
    wait_until(lambda: serving.get(f"/flow_runs/{run['id']}").json()["state_name"] == "Late", "a late run")
