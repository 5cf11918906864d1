"""Many tasks at once."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from .api import Api
from .client import Client


@pytest.fixture(scope="module")
def count(is_campaign: bool) -> int:
    """How many."""
    return 500 if is_campaign else 150


@pytest.fixture(scope="module")
def executions(client: Client, word: str) -> Path:
    """Where each execution of the mapped task leaves a line."""
    return client.home / f"executions-{word}"


@pytest.fixture(scope="module")
def report(client: Client, word: str, executions: Path, count: int) -> Any:
    """What `flows/mapped.py` saw."""
    return client.script("mapped", word, str(count), str(executions), timeout=240)


def test_mapped_tasks_all_complete_each_run_once(report: Any, api: Api, executions: Path, count: int) -> None:
    assert (report["type"], report["result"]) == ("COMPLETED", [number * number for number in range(count)])
    runs = api.task_runs(report["id"])
    assert Counter(run["state_name"] for run in runs) == {"Completed": count}
    assert {run["run_count"] for run in runs} == {1}
    assert {run["dynamic_key"] for run in runs} == {str(number) for number in range(count)}
    assert Counter(executions.read_text().split()) == {str(number): 1 for number in range(count)}


def test_counts_agree_with_the_runs(report: Any, api: Api, count: int) -> None:
    assert api.task_run_count(report["id"]) == count
    assert api.task_run_count(report["id"], state={"type": {"any_": ["COMPLETED"]}}) == count
    assert api.task_run_count(report["id"], state={"type": {"any_": ["PENDING", "RUNNING", "FAILED"]}}) == 0


def test_every_mapped_task_has_three_states(report: Any, api: Api, count: int) -> None:
    for run in api.task_runs(report["id"])[:: count // 5]:
        assert api.task_states(run["id"]) == ["Pending", "Running", "Completed"]


def test_no_log_line_is_lost_or_doubled(report: Any, api: Api, count: int) -> None:
    logs = Counter(log["message"] for log in api.logs(report["id"]))
    assert {message: logs[message] for message in logs if message.startswith("squaring")} == {
        f"squaring {number}": 1 for number in range(count)
    }
    assert logs["Finished in state Completed()"] == count + 1
