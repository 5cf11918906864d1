"""Background tasks of the published client: one program submits them, others serve them."""

from pathlib import Path
from typing import Any

import pytest

from .api import Api
from .client import FLOWS, INTERPRETER, Client, Running, wait_until

TASKS = 12
SETTING = {"PREFECT_EXPERIMENTAL_ENABLE_TASK_SCHEDULING": "true"}


def start(client: Client, word: str, what: str) -> Running:
    return client.start(INTERPRETER, FLOWS / "background.py", word, what, client.home, env=SETTING)


@pytest.fixture(scope="module")
def runs(client: Client, api: Api, word: str) -> Any:
    """All runs at their end: submitted before there was a worker, and then served by two."""
    submitted = start(client, word, "submit").finish().expect().result
    workers = [start(client, word, "serve")]
    executions = Path(client.home) / f"executions-{word}"
    wait_until(lambda: executions.exists() or None, "the first worker begins")
    workers.append(start(client, word, "serve"))

    def ended() -> Any:
        for worker in workers:
            worker.assert_running()
        found = api.post("/task_runs/filter", {"task_runs": {"id": {"any_": submitted}}})
        return found if all(x["state_type"] == "COMPLETED" for x in found) else None

    found = wait_until(ended, "all background tasks have ended")
    for worker in workers:
        worker.kill()
    return found


def test_each_task_is_run_once(runs: Any, client: Client, word: str) -> None:
    assert len(runs) == TASKS + 1
    executions = (Path(client.home) / f"executions-{word}").read_text().split()
    assert sorted(map(int, executions)) == list(range(TASKS))


def test_its_states_are_those_of_a_background_run(runs: Any, api: Api, word: str) -> None:
    states = {tuple(api.task_states(x["id"])) for x in runs if x["task_key"].startswith("note")}
    assert states == {("Scheduled", "Pending", "Running", "Completed")}


def test_a_retry_is_made_by_the_worker_that_has_the_run(runs: Any, api: Api, word: str) -> None:
    """It is not delivered a second time."""
    flaky = next(x for x in runs if x["task_key"].startswith("flaky"))
    assert flaky["run_count"] == 2
    expected = ["Scheduled", "Pending", "Running", "AwaitingRetry", "Retrying", "Completed"]
    assert api.task_states(flaky["id"]) == expected
