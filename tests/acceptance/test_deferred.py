"""Background tasks of the 3.x line: one program calls them, others serve them, and tell of their states by events."""

from pathlib import Path
from typing import Any

import pytest

from .api import Api
from .client import FLOWS, Client, Running, wait_until

TASKS, IN_FLOW = 12, 3


def start(client_3: Client, word: str, what: str, *named: str) -> Running:
    return client_3.start(client_3.interpreter, FLOWS / "deferred.py", word, client_3.home, what, *named)


@pytest.fixture(scope="module")
def submitted(client_3: Client, api: Api, word: str) -> Any:
    """All runs by what they are, once they have ended: called before there was a worker, and then served by two."""
    submitted = start(client_3, word, "submit").finish().expect().result
    workers = [start(client_3, word, "serve") for _ in range(2)]
    expected = [*submitted["notes"], *submitted["in_flow"], submitted["flaky"], submitted["failing"]]

    def ended() -> bool:
        for worker in workers:
            worker.assert_running()
        found = api.post("/task_runs/filter", {"task_runs": {"id": {"any_": expected}}})
        return all(x["state_type"] in ("COMPLETED", "FAILED") for x in found)

    wait_until(ended, "all background tasks have ended")
    for worker in workers:
        worker.kill()
    return submitted


def test_each_task_is_run_once(submitted: Any, client_3: Client, word: str) -> None:
    """Though its SCHEDULED state comes twice, by a request and as an event; in a flow as outside of one."""
    executions = (Path(client_3.home) / f"executions-{word}").read_text().split()
    assert sorted(map(int, executions)) == list(range(TASKS + IN_FLOW))


def test_its_states_are_those_of_a_background_run(submitted: Any, api: Api) -> None:
    for run_id in (*submitted["notes"], *submitted["in_flow"]):
        assert api.task_states(run_id) == ["Scheduled", "Pending", "Running", "Completed"]
    assert api.task_states(submitted["failing"]) == ["Scheduled", "Pending", "Running", "Failed"]


def test_a_retry_is_made_by_the_worker_that_has_the_run(submitted: Any, api: Api) -> None:
    """It is not delivered a second time."""
    assert api.task_states(submitted["flaky"]) == ["Scheduled", "Pending", "Running", "Retrying", "Completed"]
    assert api.get(f"/task_runs/{submitted['flaky']}")["run_count"] == 2


def test_runs_that_a_flow_called_are_its_own(submitted: Any, api: Api) -> None:
    """It ended before they began."""
    runs = api.task_runs(submitted["flow_run"])
    assert sorted(x["id"] for x in runs) == sorted(submitted["in_flow"])
    end = api.flow_run(submitted["flow_run"])["end_time"]
    assert all(end < x["start_time"] for x in runs)


def test_nothing_is_left_in_the_queue(submitted: Any, api: Api, word: str) -> None:
    queues = api.get("/task_runs/queues")
    assert [x for x in queues if word in x["task_key"]] == []


def test_a_future_gives_the_result_of_a_run_that_has_ended(submitted: Any, client_3: Client, word: str) -> None:
    """In whichever program."""
    results = start(client_3, word, "results", *submitted["notes"]).finish().expect().result
    assert results == [number * number for number in range(TASKS)]
