"""Runs of the 3.x line that end badly: crashes, timeouts, a process that dies, and cancellation from outside."""

from typing import Any

import pytest

from .api import Api
from .client import Client, Running, wait_until

HOWS = ("crashed_task", "interrupted_task", "crashed_flow", "timed_out_task", "timed_out_flow")
CRASH = "Execution was interrupted by an unexpected exception: Catastrophe: "


@pytest.fixture(scope="module")
def report(client_3: Client, word: str) -> Any:
    """What `flows/interrupted.py` made of the ends it survives."""
    return client_3.script("interrupted", word, *HOWS)


@pytest.fixture
def stopped(client_3: Client, word: str) -> Running:
    """A flow under way that starts task after task until something stops it."""
    return client_3.start_script("interrupted", word, "stopped")


def told(api: Api, flow_run_id: str, name: str, state: str) -> Any:
    """The task run of that name, once it is in the state: it is told of by an event."""

    def found() -> Any:
        return next((x for x in api.task_runs(flow_run_id) if x["name"].startswith(name)), None)

    return wait_until(lambda: (run := found()) and run["state_name"] == state and run, f"{name} is {state}", 30)


@pytest.mark.parametrize(("how", "name"), [("crashed_task", "crash"), ("interrupted_task", "interrupt")])
def test_a_task_that_crashes_takes_its_flow_with_it(report: Any, api: Api, word: str, how: str, name: str) -> None:
    run = api.flow_run_named(f"{how}-{word}")
    assert run["state_type"] == "CRASHED"
    crashed = told(api, run["id"], name, "Crashed")
    assert crashed["state_type"] == "CRASHED"
    assert api.task_states(crashed["id"]) == ["Pending", "Running", "Crashed"]


def test_a_flow_that_crashes_by_itself_ends_crashed(report: Any, api: Api, word: str) -> None:
    run = api.flow_run_named(f"crashed_flow-{word}")
    assert (run["state_type"], run["state"]["message"]) == ("CRASHED", f"{CRASH}the flow crashed")
    told(api, run["id"], "fine", "Completed")


def test_a_task_over_its_time_fails_as_timed_out(report: Any, api: Api, word: str) -> None:
    assert report["timed_out_task"]["type"] == "COMPLETED"
    run = told(api, api.flow_run_named(f"timed_out_task-{word}")["id"], "overdue", "TimedOut")
    assert run["state_type"] == "FAILED"


def test_a_flow_over_its_time_fails_as_timed_out(report: Any, api: Api, word: str) -> None:
    run = api.flow_run_named(f"timed_out_flow-{word}")
    assert (run["state_type"], run["state_name"]) == ("FAILED", "TimedOut")


def test_a_process_that_dies_leaves_its_runs_running(client_3: Client, api: Api, word: str) -> None:
    """What its client had not told yet of its tasks dies with it."""
    outcome = client_3.start_script("interrupted", word, "dead_process").finish()
    assert outcome.exit_code == 66, outcome.explain("did not die as it should")
    run = api.flow_run_named(f"dead_process-{word}")
    assert run["state_type"] == "RUNNING"


def test_a_flow_is_cancelled_from_outside(client_3: Client, stopped: Running, api: Api, word: str) -> None:
    """By the client's command line: it is CANCELLING, and its own end does not change that."""
    run = api.wait_for_busy_run(stopped, f"stopped-{word}")
    command = (client_3.interpreter.with_name("prefect"), "flow-run", "cancel", run["id"])
    client_3.start(*command).finish().expect()
    assert api.flow_run(run["id"])["state_type"] == "CANCELLING"
    stopped.kill()
    assert api.flow_states(run["id"]) == ["Pending", "Running", "Cancelling"]
