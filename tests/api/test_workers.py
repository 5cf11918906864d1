"""Workers over HTTP."""

from typing import Any

import httpx
import pytest

from tests.api.records import unique
from tests.api.work import new_pool


def beat(api: httpx.Client, pool: Any, name: str, **fields: Any) -> None:
    answer = api.post(f"/work_pools/{pool['name']}/workers/heartbeat", json={"name": name, **fields})
    assert answer.status_code == 204, answer.text


def workers(api: httpx.Client, pool: Any, **body: Any) -> Any:
    answer = api.post(f"/work_pools/{pool['name']}/workers/filter", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_first_heartbeat_makes_a_worker_known(api: httpx.Client) -> None:
    """Later ones keep it; an interval stays until another is told."""
    pool = new_pool(api)
    beat(api, pool, "w", heartbeat_interval_seconds=10)
    (first,) = workers(api, pool)
    told = {"name": "w", "work_pool_id": pool["id"], "heartbeat_interval_seconds": 10, "status": "ONLINE"}
    assert first | told == first
    beat(api, pool, "w")
    (later,) = workers(api, pool)
    assert (later["id"], later["heartbeat_interval_seconds"]) == (first["id"], 10)
    assert later["last_heartbeat_time"] > first["last_heartbeat_time"]


def test_workers_of_one_name_are_told_apart_by_their_pools(api: httpx.Client) -> None:
    pools, name = [new_pool(api) for _ in range(2)], unique("worker")
    for pool in pools:
        beat(api, pool, name)
    assert len({workers(api, pool)[0]["id"] for pool in pools}) == 2


def test_a_worker_that_missed_three_heartbeats_is_offline(api: httpx.Client) -> None:
    """At once: by the clock, whether or not anybody has marked it."""
    pool = new_pool(api)
    beat(api, pool, "gone", heartbeat_interval_seconds=0)
    beat(api, pool, "there")
    assert {x["name"]: x["status"] for x in workers(api, pool)} == {"gone": "OFFLINE", "there": "ONLINE"}


class TestFilters:
    def test_workers_are_found_by_when_they_were_heard_of(self, api: httpx.Client) -> None:
        """The last one first; the bounds count as within."""
        pool = new_pool(api)
        for name in "abc":
            beat(api, pool, name)
        c, b, a = workers(api, pool)
        assert [x["name"] for x in (a, b, c)] == ["a", "b", "c"]
        heard = b["last_heartbeat_time"]
        assert workers(api, pool, workers={"last_heartbeat_time": {"before_": heard}}) == [b, a]
        assert workers(api, pool, workers={"last_heartbeat_time": {"after_": heard}}) == [c, b]
        assert workers(api, pool, limit=1, offset=1) == [b]

    @pytest.mark.parametrize(
        ("status", "names"),
        [
            ({"any_": ["ONLINE"]}, "b"),
            ({"not_any_": ["ONLINE"]}, "a"),
            ({"any_": []}, ""),
            ({"any_": ["ONLINE", "OFFLINE"], "not_any_": ["OFFLINE"]}, "b"),
            ({}, "ba"),
        ],
    )
    def test_workers_are_found_by_their_status(self, api: httpx.Client, status: Any, names: str) -> None:
        pool = new_pool(api)
        beat(api, pool, "a", heartbeat_interval_seconds=0)
        beat(api, pool, "b")
        assert "".join(x["name"] for x in workers(api, pool, workers={"status": status})) == names

    def test_what_is_not_known_is_422(self, api: httpx.Client) -> None:
        pool = new_pool(api)
        for wanted in ({"status": {"any_": ["LATE"]}}, {"unknown": 1}):
            answer = api.post(f"/work_pools/{pool['name']}/workers/filter", json={"workers": wanted})
            assert answer.status_code == 422


def test_a_worker_is_forgotten_until_its_next_heartbeat(api: httpx.Client) -> None:
    pool = new_pool(api)
    beat(api, pool, "w")
    path = f"/work_pools/{pool['name']}/workers/w"
    assert api.delete(path).status_code == 204
    answer = api.delete(path)
    assert (answer.status_code, answer.json(), workers(api, pool)) == (404, {"detail": "Worker not found."}, [])
    beat(api, pool, "w")
    assert len(workers(api, pool)) == 1


def test_a_worker_has_a_name(api: httpx.Client) -> None:
    pool = new_pool(api)
    assert api.post(f"/work_pools/{pool['name']}/workers/heartbeat", json={}).status_code == 422
