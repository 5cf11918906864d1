"""Limits on tags, which the server enforces at each start, and global limits, which the client asks for."""

from collections.abc import Sequence
from typing import Any

import pytest

from .api import Api, Json
from .client import Client, Running, wait_until

LIMIT, TASKS = 2, 4


@pytest.fixture(scope="module", autouse=True)
def tag_limits(client: Client, word: str) -> Running:
    """`flows/tag_limits.py`, under way: it spends half a minute waiting, in which the other tests get on."""
    return client.start_script("tag_limits", word)


@pytest.fixture(scope="module")
def global_limits(client: Client, word: str, tag_limits: Running) -> Any:
    """What `flows/global_limits.py` saw."""
    return client.script("global_limits", word)


def most_at_once(held: Sequence[Sequence[float]]) -> int:
    """The greatest number of intervals that overlap."""
    return max(sum(start <= moment < end for start, end in held) for moment, _ in held)


@pytest.fixture(scope="module")
def runs_in_between(api: Api, word: str, tag_limits: Running) -> list[Json]:
    """The runs of the limited tasks, once the first have ended and while the others wait."""

    def waiting() -> list[Json] | None:
        runs = api.post("/task_runs/filter", {"task_runs": {"tags": {"all_": [f"limited-{word}"]}}})
        done = [run for run in runs if run["state_type"] == "COMPLETED"]
        return runs if len(runs) == TASKS and len(done) == LIMIT else None

    return wait_until(waiting, "the first tasks end while the others wait")


def test_tasks_without_a_slot_are_told_to_wait_and_stay_pending(runs_in_between: list[Json]) -> None:
    pending = [run for run in runs_in_between if run["state_type"] != "COMPLETED"]
    assert [(run["state_type"], run["run_count"]) for run in pending] == [("PENDING", 0)] * (TASKS - LIMIT)


def test_finished_tasks_give_their_slots_back_at_once(runs_in_between: list[Json], api: Api, word: str) -> None:
    limit = api.get(f"/concurrency_limits/tag/limited-{word}")
    assert (limit["concurrency_limit"], limit["active_slots"]) == (LIMIT, [])


def test_global_slots_are_never_held_by_more_tasks_than_the_limit_allows(global_limits: Any) -> None:
    assert len(global_limits["held"]) == 5
    assert most_at_once(global_limits["held"]) <= 2


def test_global_slots_are_given_back(global_limits: Any, api: Api, word: str) -> None:
    assert global_limits["active"] == 2
    assert api.get(f"/v2/concurrency_limits/slots-{word}")["active_slots"] == 0


def test_a_rate_limit_lets_nobody_pass_faster_than_its_slots_come_back(global_limits: Any) -> None:
    (first_asked, _), *_, (_, last_given) = global_limits["rated"]
    # One slot, which takes half a second to come back, and four passes: three times the slot had to come back.
    assert len(global_limits["rated"]) == 4
    assert last_given - first_asked >= 3 * 0.5


def test_more_slots_than_the_limit_has_are_refused(global_limits: Any) -> None:
    assert global_limits["too_many"].startswith("ConcurrencySlotAcquisitionError from Client error '422")
    assert "Slots requested is greater than the limit" in global_limits["too_many"]


def test_a_limit_whose_slots_do_not_come_back_by_themselves_is_no_rate_limit(global_limits: Any, word: str) -> None:
    assert "Only concurrency limits with slot decay can be used for rate limiting." in global_limits["no_decay"]
    assert f"slots-{word}" in global_limits["no_decay"]


def test_a_tag_limit_is_never_exceeded(tag_limits: Running, api: Api) -> None:
    seen = tag_limits.finish().expect().result
    assert len(seen["held"]) == TASKS
    assert most_at_once(seen["held"]) <= LIMIT
    assert api.state_counts(seen["id"]) == {"Completed": TASKS}
    assert [run["run_count"] for run in api.task_runs(seen["id"])] == [1] * TASKS


def test_a_tag_limit_of_zero_aborts_the_task(tag_limits: Running, api: Api, word: str) -> None:
    outcome = tag_limits.finish().expect()
    flow_run_id, kind, message = outcome.result["closed"]
    assert (kind, "UnfinishedRun" in message) == ("FAILED", True)
    reason = f'The concurrency limit on tag "closed-{word}" is 0 and will deadlock if the task tries to run again.'
    assert reason in outcome.stderr
    (run,) = api.task_runs(flow_run_id)
    assert (run["state_type"], run["run_count"]) == ("PENDING", 0)
