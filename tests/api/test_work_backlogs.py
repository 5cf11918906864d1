"""What waits in work queues, all at once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.api.records import set_state
from tests.api.work import new_pool, new_queue, put_run, submit


def backlogs(api: httpx.Client, pool: Any) -> dict[str, Any]:
    """Those of a pool's queues, by name."""
    return {x["name"]: x for x in api.get("/flow_runs/queues").json() if x["work_pool_name"] == pool["name"]}


def scheduled(**ahead: float) -> dict[str, Any]:
    time = (datetime.now(UTC) + timedelta(**ahead)).isoformat()
    return {"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": time}}}


def test_runs_are_counted_by_what_they_wait_for(api: httpx.Client) -> None:
    """Due, later, and under way; what has ended is not counted."""
    pool = new_pool(api)
    late = put_run(api, pool, **scheduled(minutes=-10))["id"]
    put_run(api, pool, **scheduled(hours=1))
    submit(api, put_run(api, pool)["id"])
    ended = put_run(api, pool)["id"]
    set_state(api, f"/flow_runs/{ended}", "COMPLETED")
    found = backlogs(api, pool)["default"]
    assert (found["due"], found["delayed"], found["busy"]) == (1, 1, 1)
    assert 600 <= found["oldest_age"] < 660
    submit(api, late)
    found = backlogs(api, pool)["default"]
    assert (found["due"], found["busy"], found["oldest_age"]) == (0, 2, None)


def test_a_queue_without_open_runs_is_left_out(api: httpx.Client) -> None:
    pool = new_pool(api)
    run = put_run(api, pool)["id"]
    assert list(backlogs(api, pool)) == ["default"]
    set_state(api, f"/flow_runs/{run}", "COMPLETED")
    assert backlogs(api, pool) == {}


def test_it_is_told_whether_anybody_takes_runs_from_a_queue(api: httpx.Client) -> None:
    """Who polls it makes it READY; one that is paused, or whose pool is, says so."""
    pool = new_pool(api)
    queue = new_queue(api, pool, concurrency_limit=3)
    put_run(api, pool, queue["name"])
    before = backlogs(api, pool)[queue["name"]]
    assert (before["status"], before["last_polled"], before["is_paused"]) == ("NOT_READY", None, False)
    assert before["concurrency_limit"] == 3
    api.post(f"/work_pools/{pool['name']}/get_scheduled_flow_runs", json={}).raise_for_status()
    after = backlogs(api, pool)[queue["name"]]
    assert after["status"] == "READY"
    assert after["last_polled"] is not None
    api.patch(f"/work_pools/{pool['name']}", json={"is_paused": True}).raise_for_status()
    assert backlogs(api, pool)[queue["name"]]["is_paused"]


def test_the_longest_queues_come_first(api: httpx.Client) -> None:
    pool = new_pool(api)
    long = new_queue(api, pool)
    put_run(api, pool)
    for _ in range(2):
        put_run(api, pool, long["name"])
    assert list(backlogs(api, pool)) == [long["name"], "default"]
