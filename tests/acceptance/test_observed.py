"""Flows of the 3.x line: their tasks make no requests, and tell of their states by events."""

from collections import Counter
from typing import Any

import pytest

from .api import Api
from .client import Client, wait_until

COUNT = 30
IN_FLOW = COUNT + 5
"""How many task runs the flow run has."""

PLAIN = ["Pending", "Running", "Completed"]


@pytest.fixture(scope="module")
def report(client_3: Client, api: Api, word: str) -> Any:
    """What `flows/observed.py` saw. It ends without waiting for what it told last to be recorded."""
    report = client_3.script("observed", word, str(COUNT))
    ended = {"type": {"any_": ["COMPLETED", "FAILED"]}}
    wait_until(lambda: api.task_run_count(report["id"], state=ended) == IN_FLOW, "all task runs have ended", 30)
    return report


def test_the_flow_runs_as_if_nothing_had_changed(report: Any, api: Api) -> None:
    """Its own states are requests."""
    assert report["type"] == "COMPLETED"
    assert report["result"]["squares"] == [number * number for number in range(COUNT)]
    assert (report["result"]["flaky"], report["result"]["inner"]) == ("made it", COUNT * COUNT)
    assert report["result"]["kept"] == [42, 42]
    assert api.flow_states(report["id"]) == ["Pending", "Running", "Completed"]


def test_all_task_runs_are_there_with_their_last_state(report: Any, api: Api) -> None:
    """The subflow's task is in the subflow, and a task run that stands for it in the flow."""
    counts = api.state_counts(report["id"])
    assert counts == {"Completed": COUNT + 3, "Failed": 1, "Cached": 1}
    runs = api.task_runs(report["id"])
    assert Counter(run["run_count"] for run in runs) == {1: IN_FLOW - 1, 2: 1}


def test_every_state_of_every_task_run_is_there(report: Any, api: Api) -> None:
    """In their order."""
    seen = report["task_runs"]
    for number in (*range(COUNT), COUNT):
        assert api.task_states(seen[f"square {number}"]) == PLAIN
    assert api.task_states(seen["flaky"]) == ["Pending", "Running", "Retrying", "Completed"]
    assert api.task_states(seen["failing"]) == ["Pending", "Running", "Failed"]
    assert api.task_states(seen["kept"]) == PLAIN
    cached = api.task_run(
        report["id"], next(x["name"] for x in api.task_runs(report["id"]) if x["state_name"] == "Cached")
    )
    assert api.task_states(cached["id"]) == ["Pending", "Running", "Cached"]


def test_times_and_messages_are_the_clients(report: Any, api: Api) -> None:
    """Start, end and duration agree with its states."""
    run = api.get(f"/task_runs/{report['task_runs']['failing']}")
    states = {x["name"]: x for x in api.get("/task_run_states/", task_run_id=run["id"])}
    assert (run["start_time"], run["end_time"]) == (states["Running"]["timestamp"], states["Failed"]["timestamp"])
    assert run["state"]["message"] == "Task run encountered an exception ValueError: for good"
    assert run["total_run_time"] > 0
