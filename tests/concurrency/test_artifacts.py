"""Artifacts of one key, published, changed and deleted by many at once."""

from datetime import datetime
from typing import Any

import httpx

from tests.api.records import made, new_flow_run, new_task_run, unique
from tests.concurrency.conftest import Fleet, delete, patch, post, statuses

MANY = 16


def latest(api: httpx.Client, key: str) -> Any:
    """The record of a key, None where there is none."""
    answer = api.get(f"/artifacts/{key}/latest")
    return answer.json() if answer.status_code == 200 else None


def newest(artifacts: list[Any]) -> Any:
    """The one of these that was published last."""
    return max(artifacts, key=lambda x: (datetime.fromisoformat(x["created"]), x["id"]))


def of_key(api: httpx.Client, key: str) -> list[Any]:
    """All artifacts of a key."""
    found: list[Any] = api.post("/artifacts/filter", json={"artifacts": {"key": {"any_": [key]}}}).json()
    return found


def test_the_last_published_is_the_newest(fleet: Fleet) -> None:
    """The key has one record, and no artifact is younger than the one that it shows."""
    for _ in range(3):
        key = unique("key")
        answers = fleet.at_once(*(post("/artifacts/", {"key": key, "data": x}) for x in range(MANY)))
        assert statuses(answers) == {201: MANY}
        assert latest(fleet.api, key)["data"] == newest([x.json() for x in answers])["data"]
        keys = {"artifacts": {"key": {"any_": [key]}}}
        assert fleet.api.post("/artifacts/latest/count", json=keys).json() == 1


def test_the_newest_that_is_left_is_shown(fleet: Fleet) -> None:
    """Also where it and those before it are deleted at the same time, while others are published."""
    for _ in range(3):
        key = unique("key")
        ids = [made(fleet.api, "/artifacts/", {"key": key, "data": x})["id"] for x in range(8)]
        new = [post("/artifacts/", {"key": key, "data": f"new {x}"}) for x in range(2)]
        old = [delete(f"/artifacts/{x}") for x in ids]
        answers = fleet.at_once(*old[:4], new[0], *old[4:], new[1])
        assert statuses(answers) == {204: 8, 201: 2}
        assert latest(fleet.api, key)["data"] == newest(of_key(fleet.api, key))["data"]


def test_a_key_without_artifacts_is_gone(fleet: Fleet) -> None:
    """However many are deleted at once, and each is deleted once."""
    for _ in range(3):
        key = unique("key")
        ids = [made(fleet.api, "/artifacts/", {"key": key, "data": x})["id"] for x in range(6)]
        answers = fleet.at_once(*(delete(f"/artifacts/{x}") for x in (*ids, *ids)))
        assert statuses(answers) == {204: 6, 404: 6}
        assert latest(fleet.api, key) is None


def test_an_artifact_without_a_key_is_deleted_once(fleet: Fleet) -> None:
    """Whoever comes second is told that there is none."""
    artifact = made(fleet.api, "/artifacts/", {"data": 1})
    answers = fleet.at_once(*[delete(f"/artifacts/{artifact['id']}")] * MANY)
    assert statuses(answers) == {204: 1, 404: MANY - 1}


def test_what_becomes_the_newest_is_shown_as_it_was_changed(fleet: Fleet) -> None:
    """An artifact that is changed while the one after it is deleted."""
    for _ in range(4):
        key = unique("key")
        first, second = (made(fleet.api, "/artifacts/", {"key": key, "data": x}) for x in ("first", "second"))
        change, deletion = patch(f"/artifacts/{first['id']}", {"data": "changed"}), delete(f"/artifacts/{second['id']}")
        fleet.at_once(change, deletion, change)
        assert latest(fleet.api, key)["data"] == "changed"


def test_results_with_keys_come_in_any_order(fleet: Fleet) -> None:
    """Batches of decisions that hold results of the same keys do not wait for each other."""
    run = new_flow_run(fleet.api, state={"type": "RUNNING"})
    keys = [unique("key") for _ in range(4)]
    for _ in range(3):
        calls = []
        for at in range(MANY):
            task_run = new_task_run(fleet.api, run["id"], state={"type": "RUNNING"})
            data = {"type": "result", "artifact_key": keys[at // 2 % 4 if at % 2 else 3 - at // 2 % 4], "value": at}
            state = {"type": "COMPLETED", "data": data}
            calls.append(post(f"/task_runs/{task_run['id']}/set_state", {"state": state}))
        assert statuses(fleet.at_once(*calls)) == {201: MANY}
    for key in keys:
        assert latest(fleet.api, key)["data"] == newest(of_key(fleet.api, key))["data"]
