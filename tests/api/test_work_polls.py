"""What work pools and work queues offer to workers and agents, over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.api.records import NOWHERE, made, new_deployment, set_state
from tests.api.work import new_pool, new_queue, offered, put_run, submit

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(minutes: int) -> dict[str, Any]:
    """A state for a run that is scheduled so long after noon."""
    return {"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": time(minutes)}}}


def time(minutes: int) -> str:
    return (NOON + timedelta(minutes=minutes)).isoformat()


def get_runs(api: httpx.Client, queue: Any, **body: Any) -> list[str]:
    answer = api.post(f"/work_queues/{queue['id']}/get_runs", json=body)
    assert answer.status_code == 200, answer.text
    return [x["id"] for x in answer.json()]


class TestOfAPool:
    def test_a_run_is_told_with_its_pool_and_queue(self, api: httpx.Client) -> None:
        """As the run itself is."""
        pool = new_pool(api)
        run = put_run(api, pool)
        (offer,) = api.post(f"/work_pools/{pool['name']}/get_scheduled_flow_runs", json={}).json()
        told = offer["flow_run"] | {"estimated_start_time_delta": 0}
        assert told == api.get(f"/flow_runs/{run['id']}").json() | {"estimated_start_time_delta": 0}
        assert (offer["work_pool_id"], offer["work_queue_id"]) == (pool["id"], pool["default_queue_id"])

    def test_priority_goes_before_time(self, api: httpx.Client) -> None:
        pool = new_pool(api)
        first = new_queue(api, pool, priority=1)
        runs = [
            put_run(api, pool, queue, **at(x)) for queue, x in (("default", 1), (first["name"], 3), (first["name"], 2))
        ]
        assert offered(api, pool) == [runs[2]["id"], runs[1]["id"], runs[0]["id"]]
        assert offered(api, pool, limit=1) == [runs[2]["id"]]
        assert offered(api, pool, limit=0) == []

    def test_queues_are_asked_by_name(self, api: httpx.Client) -> None:
        """All of them must be there."""
        pool = new_pool(api)
        other = new_queue(api, pool)
        runs = [put_run(api, pool), put_run(api, pool, other["name"])]
        assert offered(api, pool, work_queue_names=["default"]) == [runs[0]["id"]]
        assert offered(api, pool, work_queue_names=["default", other["name"]]) == [x["id"] for x in runs]
        assert offered(api, pool, work_queue_names=[]) == [x["id"] for x in runs]
        answer = api.post(
            f"/work_pools/{pool['name']}/get_scheduled_flow_runs", json={"work_queue_names": ["default", "none"]}
        )
        detail = {"detail": f"Work pool queue '{pool['name']}/none' not found."}
        assert (answer.status_code, answer.json()) == (404, detail)

    def test_only_what_is_scheduled_within_the_bounds(self, api: httpx.Client) -> None:
        """The bounds count as within."""
        pool = new_pool(api)
        runs = [put_run(api, pool, **at(x))["id"] for x in (1, 2, 3)]
        assert offered(api, pool, scheduled_before=time(2)) == runs[:2]
        assert offered(api, pool, scheduled_after=time(2)) == runs[1:]
        assert offered(api, pool, scheduled_before=time(2), scheduled_after=time(2)) == runs[1:2]

    def test_a_pause_of_the_pool_or_of_a_queue_stops_it(self, api: httpx.Client) -> None:
        pool = new_pool(api)
        other = new_queue(api, pool)
        run = put_run(api, pool)
        put_run(api, pool, other["name"])
        api.patch(f"/work_pools/{pool['name']}/queues/{other['name']}", json={"is_paused": True})
        assert offered(api, pool) == [run["id"]]
        api.patch(f"/work_pools/{pool['name']}", json={"is_paused": True})
        assert offered(api, pool) == []

    def test_a_run_that_is_retried_in_its_process_is_not_offered(self, api: httpx.Client) -> None:
        pool = new_pool(api)
        policy = {"retries": 1, "retry_delay": 0}
        run = put_run(api, pool, empirical_policy=policy)
        for state in ("PENDING", "RUNNING", "FAILED"):
            set_state(api, f"/flow_runs/{run['id']}", state)
        retried = api.get(f"/flow_runs/{run['id']}").json()
        assert (retried["state_name"], retried["empirical_policy"]["retry_type"]) == ("AwaitingRetry", "in_process")
        assert offered(api, pool) == []

    def test_no_more_are_offered_than_there_are_slots(self, api: httpx.Client) -> None:
        """Of the pool and of each queue; PENDING and RUNNING runs take them."""
        pool = new_pool(api, concurrency_limit=3)
        narrow = new_queue(api, pool, concurrency_limit=1, priority=1)
        in_narrow = [put_run(api, pool, narrow["name"], **at(x))["id"] for x in (1, 2)]
        in_default = [put_run(api, pool, **at(x))["id"] for x in (1, 2, 3)]
        assert offered(api, pool) == [in_narrow[0], *in_default[:2]]
        submit(api, in_narrow[0])
        assert offered(api, pool) == in_default[:2]
        submit(api, in_default[0])
        set_state(api, f"/flow_runs/{in_default[0]}", "RUNNING")
        assert offered(api, pool) == in_default[1:2]
        submit(api, in_default[1])
        assert offered(api, pool) == []
        set_state(api, f"/flow_runs/{in_narrow[0]}", "CRASHED")
        assert offered(api, pool) == [in_narrow[1]]

    def test_a_limit_of_none_offers_nothing(self, api: httpx.Client) -> None:
        pool = new_pool(api, concurrency_limit=0)
        run = put_run(api, pool)
        assert (offered(api, pool), submit(api, run["id"])) == ([], "REJECT")


class TestSlots:
    """Polls offer the same runs to all: the transition to PENDING decides."""

    @pytest.mark.parametrize("limited", ["pool", "queue"])
    def test_a_run_without_a_slot_is_refused_and_waits_on(self, api: httpx.Client, limited: str) -> None:
        """With the reason. It is offered again once there is a slot."""
        pool = new_pool(api, concurrency_limit=1 if limited == "pool" else None)
        queue = new_queue(api, pool, concurrency_limit=1 if limited == "queue" else None)
        runs = [put_run(api, pool, queue["name"], **at(x))["id"] for x in (1, 2)]
        assert submit(api, runs[0]) == "ACCEPT"
        refused = set_state(api, f"/flow_runs/{runs[1]}", "PENDING")
        name = pool["name"] if limited == "pool" else queue["name"]
        reason = f"The concurrency limit of 1 of the work {limited} '{name}' is reached."
        assert (refused["status"], refused["details"]["reason"]) == ("REJECT", reason)
        assert (refused["state"]["type"], refused["state"]["name"]) == ("SCHEDULED", "Scheduled")
        set_state(api, f"/flow_runs/{runs[0]}", "RUNNING")
        assert submit(api, runs[1]) == "REJECT"
        set_state(api, f"/flow_runs/{runs[0]}", "COMPLETED")
        assert offered(api, pool) == [runs[1]]
        assert submit(api, runs[1]) == "ACCEPT"

    def test_a_pool_counts_the_runs_of_all_its_queues(self, api: httpx.Client) -> None:
        pool = new_pool(api, concurrency_limit=2)
        other = new_queue(api, pool)
        runs = [put_run(api, pool, x)["id"] for x in ("default", other["name"], "default")]
        assert [submit(api, x) for x in runs] == ["ACCEPT", "ACCEPT", "REJECT"]

    def test_who_forces_a_state_needs_no_slot(self, api: httpx.Client) -> None:
        pool = new_pool(api, concurrency_limit=0)
        run = put_run(api, pool)
        forced = {"state": {"type": "PENDING"}, "force": True}
        assert made(api, f"/flow_runs/{run['id']}/set_state", forced)["status"] == "ACCEPT"

    def test_a_run_that_waits_in_its_process_takes_none(self, api: httpx.Client) -> None:
        """A retry in its process, or a pause: it goes on without asking for one."""
        pool = new_pool(api, concurrency_limit=1)
        retried, other = (put_run(api, pool, empirical_policy={"retries": 1})["id"] for _ in range(2))
        for state in ("PENDING", "RUNNING", "FAILED"):
            set_state(api, f"/flow_runs/{retried}", state)
        assert submit(api, other) == "ACCEPT"
        assert set_state(api, f"/flow_runs/{retried}", "RUNNING")["status"] == "ACCEPT"


class TestPolls:
    def test_a_poll_makes_queues_and_their_deployments_ready(self, api: httpx.Client) -> None:
        pool = new_pool(api)
        deployment = new_deployment(api, work_pool_name=pool["name"])
        assert (deployment["status"], deployment["last_polled"]) == ("NOT_READY", None)
        offered(api, pool)
        queue = api.get(f"/work_pools/{pool['name']}/queues/default").json()
        assert (queue["status"], queue["last_polled"] is None) == ("READY", False)
        polled = api.get(f"/deployments/{deployment['id']}").json()
        assert (polled["status"], polled["last_polled"]) == ("READY", queue["last_polled"])

    def test_polls_that_follow_each_other_are_noted_once(self, api: httpx.Client) -> None:
        """At most every few seconds: a poll seldom writes anything."""
        pool = new_pool(api)
        path = f"/work_pools/{pool['name']}/queues/default"
        offered(api, pool)
        noted = api.get(path).json()["last_polled"]
        offered(api, pool)
        assert api.get(path).json()["last_polled"] == noted
        long_ago = (datetime.fromisoformat(noted) - timedelta(seconds=6)).isoformat()
        api.patch(path, json={"last_polled": long_ago})
        offered(api, pool)
        assert api.get(path).json()["last_polled"] > noted

    def test_a_paused_queue_stays_paused(self, api: httpx.Client) -> None:
        pool = new_pool(api)
        path = f"/work_pools/{pool['name']}/queues/default"
        api.patch(path, json={"is_paused": True})
        offered(api, pool)
        queue = api.get(path).json()
        assert (queue["status"], queue["last_polled"] is None) == ("PAUSED", False)


class TestOfAQueue:
    """As agents ask, which know queues by their ids."""

    def test_its_runs_are_told_in_the_order_of_their_times(self, api: httpx.Client) -> None:
        pool = new_pool(api)
        queue = new_queue(api, pool)
        runs = [put_run(api, pool, queue["name"], **at(x))["id"] for x in (2, 1, 3)]
        put_run(api, pool, **at(0))
        assert get_runs(api, queue, agent_id=NOWHERE) == [runs[1], runs[0], runs[2]]
        assert get_runs(api, queue, limit=1, scheduled_before=time(9)) == [runs[1]]
        assert get_runs(api, queue, scheduled_before=time(1)) == [runs[1]]

    def test_a_pause_and_a_limit_hold(self, api: httpx.Client) -> None:
        """A run that is being cancelled takes a slot here."""
        pool = new_pool(api)
        queue = new_queue(api, pool, concurrency_limit=1)
        runs = [put_run(api, pool, queue["name"], **at(x))["id"] for x in (1, 2)]
        assert get_runs(api, queue) == runs[:1]
        submit(api, runs[0])
        set_state(api, f"/flow_runs/{runs[0]}", "CANCELLING")
        assert get_runs(api, queue) == []
        status = api.post(f"/work_queues/{queue['id']}/concurrency_status", json={}).json()
        assert (status["active_slots"], [x["id"] for x in status["flow_runs"]]) == (1, runs[:1])
        api.patch(f"/work_queues/{queue['id']}", json={"concurrency_limit": None, "is_paused": True})
        assert get_runs(api, queue) == []

    def test_who_only_looks_does_not_poll(self, api: httpx.Client) -> None:
        queue = new_queue(api, new_pool(api))
        path = f"/work_queues/{queue['id']}"
        api.post(f"{path}/get_runs", json={}, headers={"X-PREFECT-UI": "true"})
        assert api.get(path).json()["last_polled"] is None
        get_runs(api, queue)
        assert api.get(path).json()["last_polled"] is not None

    def test_an_old_queue_has_the_runs_that_its_filter_asks_for(self, api: httpx.Client) -> None:
        """Those of deployments, with all the tags, wherever they wait; its limit counts these alone."""
        pool = new_pool(api)
        tagged = [put_run(api, pool, tags=["a", pool["name"]], **at(x))["id"] for x in (1, 2)]
        put_run(api, pool, tags=["a"])
        queue = new_queue(api, pool, filter={"tags": ["a", pool["name"]]}, concurrency_limit=1)
        assert queue["filter"] == {"tags": ["a", pool["name"]], "deployment_ids": None}
        assert get_runs(api, queue) == tagged[:1]
        submit(api, tagged[0])
        assert get_runs(api, queue) == []
        api.patch(f"/work_queues/{queue['id']}", json={"concurrency_limit": None})
        assert get_runs(api, queue) == tagged[1:]
        deployment_id = api.get(f"/flow_runs/{tagged[1]}").json()["deployment_id"]
        api.patch(f"/work_queues/{queue['id']}", json={"filter": {"deployment_ids": [deployment_id]}})
        assert get_runs(api, queue, scheduled_before=time(2)) == tagged[1:]
        assert get_runs(api, queue, scheduled_before=time(1)) == []

    def test_a_queue_that_is_not_there_is_404(self, api: httpx.Client) -> None:
        answers = [api.post(f"/work_queues/{NOWHERE}/{x}", json={}) for x in ("get_runs", "concurrency_status")]
        assert [x.status_code for x in (*answers, api.get(f"/work_queues/{NOWHERE}/status"))] == [404] * 3
