"""Runs that end badly: crashes, timeouts, a process that dies, and cancellation from outside."""

from typing import Any

import pytest

from .api import Api
from .client import Client, Outcome, Running
from .command_line import CommandLine

HOWS = ("crashed_task", "interrupted_task", "crashed_flow", "timed_out_task", "timed_out_flow")
CRASH = "Execution was interrupted by an unexpected exception: Catastrophe: "


@pytest.fixture(scope="module")
def report(client: Client, word: str) -> Any:
    """What `flows/interrupted.py` made of the ends it survives."""
    return client.script("interrupted", word, *HOWS)


@pytest.fixture(scope="module")
def dead(client: Client, word: str) -> Outcome:
    """The process that ended in the middle of a task."""
    return client.start_script("interrupted", word, "dead_process").finish()


@pytest.fixture
def stopped(client: Client, word: str) -> Running:
    """A flow under way that starts task after task until something stops it."""
    return client.start_script("interrupted", word, "stopped")


def test_a_task_that_crashes_takes_its_flow_with_it(report: Any, api: Api, word: str) -> None:
    assert report["crashed_task"] == {"raised": "Catastrophe('the task crashed')"}
    run = api.flow_run_named(f"crashed_task-{word}")
    assert (run["state_type"], run["state"]["message"]) == ("CRASHED", f"{CRASH}the task crashed")
    crashed = api.task_run(run["id"], "crash")
    assert (crashed["state_type"], crashed["state"]["message"]) == ("CRASHED", f"{CRASH}the task crashed")
    assert api.task_states(crashed["id"]) == ["Pending", "Running", "Crashed"]


def test_a_crash_leaves_earlier_tasks_as_they_were(report: Any, api: Api, word: str) -> None:
    run = api.flow_run_named(f"crashed_task-{word}")
    assert api.state_counts(run["id"]) == {"Completed": 1, "Crashed": 1}


def test_an_interrupt_crashes_task_and_flow(report: Any, api: Api, word: str) -> None:
    assert report["interrupted_task"] == {"raised": "KeyboardInterrupt()"}
    run = api.flow_run_named(f"interrupted_task-{word}")
    task_run = api.task_run(run["id"], "interrupt")
    for each in (run, task_run):
        assert (each["state_type"], each["state"]["message"]) == (
            "CRASHED",
            "Execution was aborted by an interrupt signal.",
        )


def test_a_flow_that_crashes_by_itself_ends_crashed(report: Any, api: Api, word: str) -> None:
    assert report["crashed_flow"] == {"raised": "Catastrophe('the flow crashed')"}
    run = api.flow_run_named(f"crashed_flow-{word}")
    assert (run["state_type"], run["state"]["message"]) == ("CRASHED", f"{CRASH}the flow crashed")
    assert api.state_counts(run["id"]) == {"Completed": 1}


def test_a_task_over_its_time_fails_as_timed_out(report: Any, api: Api, word: str) -> None:
    assert report["timed_out_task"]["type"] == "COMPLETED"
    run = api.task_run(api.flow_run_named(f"timed_out_task-{word}")["id"], "overdue")
    assert (run["state_type"], run["state_name"]) == ("FAILED", "TimedOut")


def test_a_flow_over_its_time_fails_as_timed_out(report: Any, api: Api, word: str) -> None:
    seen = report["timed_out_flow"]
    run = api.flow_run_named(f"timed_out_flow-{word}")
    assert (run["state_type"], run["state_name"]) == (seen["type"], seen["name"]) == ("FAILED", "TimedOut")
    assert run["state"]["message"] == seen["message"]


def test_a_process_that_dies_leaves_its_runs_running(dead: Outcome, api: Api, word: str) -> None:
    assert dead.exit_code == 66, dead.explain("did not die as it should")
    run = api.flow_run_named(f"dead_process-{word}")
    assert run["state_type"] == "RUNNING"
    assert api.state_counts(run["id"]) == {"Completed": 1, "Running": 1}


def test_a_cancelling_flow_starts_no_more_tasks(stopped: Running, api: Api, word: str, prefect: CommandLine) -> None:
    run = api.wait_for_busy_run(stopped, f"stopped-{word}")
    prefect("flow-run", "cancel", run["id"])
    outcome = stopped.finish().expect()
    assert outcome.result["stopped"]["type"] == "CANCELLING"
    assert "The enclosing flow must be running to begin task execution." in outcome.stderr
    assert api.flow_states(run["id"]) == ["Pending", "Running", "Cancelling"]
    assert api.state_counts(run["id"])["Pending"] == 1
    assert api.state_counts(run["id"]).keys() <= {"Completed", "Pending"}
