"""Cached tasks: a second run, in the same process and in another, takes the first one's result."""

from typing import Any

import pytest

from .api import Api
from .client import Client

HITS = {"keyed": ["Cached", 3], "keyed other": ["Cached", 6]}
MISSES = {"expiring": ["Completed", "short-lived"], "refreshing": ["Completed", "fresh"]}


@pytest.fixture(scope="module")
def first(client: Client, word: str) -> Any:
    """What `flows/caching.py` saw in a first process."""
    return client.script("caching", word)


@pytest.fixture(scope="module")
def second(client: Client, word: str, first: Any) -> Any:
    """What it saw in a second process, after the first."""
    return client.script("caching", word)


def test_a_first_run_executes_every_task(first: Any, word: str) -> None:
    assert first["runs"][0]["result"] == {
        "keyed": ["Completed", 3],
        "keyed other": ["Completed", 6],
        "hashed": ["Completed", word.upper()],
        **MISSES,
    }


def test_a_second_run_takes_cached_results_without_executing(first: Any, word: str) -> None:
    assert first["runs"][1]["result"] == HITS | {"hashed": ["Cached", word.upper()]} | MISSES
    assert first["executions"] == {"keyed": 2, "hashed": 1, "expiring": 2, "refreshing": 2, "failing": 2}


def test_another_process_hits_the_same_cache(second: Any, word: str) -> None:
    for run in second["runs"]:
        assert run["result"] == HITS | {"hashed": ["Cached", word.upper()]} | MISSES
    assert second["executions"] == {"expiring": 2, "refreshing": 2, "failing": 2}


def test_a_hit_goes_from_pending_straight_to_cached(first: Any, api: Api) -> None:
    run = api.task_run(first["runs"][1]["id"], "hashed")
    assert api.task_states(run["id"]) == ["Pending", "Cached"]
    assert (run["state_type"], run["run_count"], run["start_time"]) == ("COMPLETED", 0, None)


def test_a_hit_carries_the_first_run_s_reference_to_its_result(first: Any, api: Api) -> None:
    original, hit = (api.task_run(run["id"], "hashed")["state"]["data"] for run in first["runs"])
    assert original["type"] == "reference"
    assert hit == original


def test_an_expired_entry_is_no_hit(first: Any, api: Api) -> None:
    run = api.task_run(first["runs"][1]["id"], "expiring")
    assert api.task_states(run["id"]) == ["Pending", "Running", "Completed"]


def test_refresh_cache_executes_in_spite_of_an_entry(first: Any, api: Api) -> None:
    run = api.task_run(first["runs"][1]["id"], "refreshing")
    assert api.task_states(run["id"]) == ["Pending", "Running", "Completed"]


def test_a_failure_leaves_nothing_to_hit(first: Any, api: Api) -> None:
    run = api.task_run(first["runs"][1]["id"], "failing")
    assert api.task_states(run["id"]) == ["Pending", "Running", "Failed"]
