"""Runs that one process creates from a deployment and another executes: dispatch, suspension, cancellation."""

from typing import Any

import pytest

from .api import Api, Json
from .client import EXECUTABLE, INTERPRETER, Client, Outcome, Running
from .command_line import CommandLine

RUNNER = {"PREFECT_RUNNER_POLL_FREQUENCY": "1"}


@pytest.fixture(scope="module")
def report(client: Client, word: str) -> Any:
    """What `flows/deployed.py` saw: its deployments, made twice, and the runs it dispatched."""
    return client.script("deployed", word)


def create_run(api: Api, deployment_id: str, **body: Any) -> Json:
    """A new run of a deployment, as anybody may ask for it."""
    return dict(api.post(f"/deployments/{deployment_id}/create_flow_run", body))


def execute(client: Client, flow_run_id: str) -> Outcome:
    """Execute a flow run, as a worker's child process does."""
    return client.start(INTERPRETER, "-m", "prefect.engine", flow_run_id).finish().expect()


def test_a_deployment_keeps_what_it_was_made_with(report: Any, api: Api, word: str) -> None:
    deployment = api.get(f"/deployments/name/acceptance-suspending/suspending-{word}")
    assert deployment["id"] == report["first"]["suspending"]
    assert (deployment["tags"], deployment["version"], deployment["description"]) == ([word], "3", "Made by a test.")
    assert deployment["entrypoint"] == "deployed.py:suspending"
    assert deployment["parameter_openapi_schema"]["properties"]["greeting"]["default"] == "hello"


def test_a_deployment_made_again_keeps_its_id(report: Any) -> None:
    assert report["second"] == report["first"]


def test_a_run_dispatched_by_a_flow_is_its_subflow(report: Any, api: Api, word: str) -> None:
    child = api.flow_run(report["dispatched"]["child"])
    assert child["name"] == f"child-{word}"
    assert child["state_type"] == report["dispatched"]["type"] == "SCHEDULED"
    assert (child["deployment_id"], child["parameters"]) == (report["first"]["suspending"], {"greeting": "hi"})
    assert word in child["tags"]
    assert api.get(f"/task_runs/{child['parent_task_run_id']}")["flow_run_id"] == report["dispatching"]


def test_a_dispatch_with_the_same_idempotency_key_creates_one_run(report: Any, api: Api) -> None:
    assert report["dispatched"]["alone"] == report["dispatched"]["again"]
    assert api.flow_run(report["dispatched"]["alone"])["parent_task_run_id"] is None


def test_a_suspended_flow_ends_its_process_and_goes_on_in_another(client: Client, report: Any, api: Api) -> None:
    run = create_run(api, report["first"]["suspending"], parameters={"greeting": "good day"})
    execute(client, run["id"])
    suspended = api.flow_run(run["id"])
    assert (suspended["state_type"], suspended["state_name"]) == ("PAUSED", "Suspended")
    assert suspended["empirical_policy"]["pause_keys"] == ["once"]

    answer = api.post(f"/flow_runs/{run['id']}/resume")
    assert (answer["status"], answer["state"]["type"], answer["state"]["name"]) == ("ACCEPT", "SCHEDULED", "Resuming")
    execute(client, run["id"])
    names = api.flow_states(run["id"])
    assert names == ["Scheduled", "Running", "Suspended", "Resuming", "Running", "Completed"]
    assert {each["name"]: each["run_count"] for each in api.task_runs(run["id"])} == {"before-0": 1, "after-0": 1}


def test_a_runner_ends_the_process_of_a_flow_run_that_is_cancelled(
    client: Client, report: Any, api: Api, prefect: CommandLine
) -> None:
    run = create_run(api, report["first"]["endless"])
    runner: Running = client.start(EXECUTABLE, "flow-run", "execute", run["id"], env=RUNNER)
    api.wait_for_busy_run(runner, run["name"])
    said = prefect("flow-run", "cancel", run["id"])
    assert f"Flow run '{run['id']}' was successfully scheduled for cancellation." in said
    outcome = runner.finish().expect()
    cancelled = api.flow_run(run["id"])
    assert cancelled["state_type"] == "CANCELLED", outcome.explain("the run was not cancelled")
    assert cancelled["state"]["message"] == "Flow run was cancelled successfully."
    assert api.flow_states(run["id"])[-2:] == ["Cancelling", "Cancelled"]


def test_a_scheduled_run_without_a_process_is_cancelled_at_once(report: Any, api: Api, prefect: CommandLine) -> None:
    run = create_run(api, report["first"]["endless"])
    prefect("flow-run", "cancel", run["id"])
    assert api.flow_states(run["id"]) == ["Scheduled", "Cancelled"]
