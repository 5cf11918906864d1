"""Work queues over HTTP: in their pools by name, and by their ids."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest

from tests.api.records import NOWHERE, made, new_deployment, set_state, unique
from tests.api.work import new_pool, new_queue, offered, put_run, queues_of, submit


def path_of(pool: Any, queue: Any) -> str:
    return f"/work_pools/{pool['name']}/queues/{queue['name']}"


def change(api: httpx.Client, path: str, **fields: Any) -> None:
    answer = api.patch(path, json=fields)
    assert answer.status_code == 204, answer.text


def test_a_queue_is_read_by_its_name_and_by_its_id(api: httpx.Client) -> None:
    pool = new_pool(api)
    queue = new_queue(api, pool, description="d", concurrency_limit=2)
    assert (queue["work_pool_id"], queue["work_pool_name"]) == (pool["id"], pool["name"])
    assert (queue["priority"], queue["active_slots"], queue["filter"]) == (2, 0, None)
    assert api.get(path_of(pool, queue)).json() == api.get(f"/work_queues/{queue['id']}").json() == queue


def test_no_description_is_an_empty_one(api: httpx.Client) -> None:
    """Clients of the 2.x line send null."""
    pool = new_pool(api)
    queue = new_queue(api, pool, description=None)
    assert queue["description"] == ""
    change(api, path_of(pool, queue), description="d")
    change(api, path_of(pool, queue), description=None)
    assert api.get(path_of(pool, queue)).json()["description"] == ""


def test_a_queue_of_no_pool_is_in_the_default_one(api: httpx.Client) -> None:
    queue = made(api, "/work_queues/", {"name": unique("queue")})
    assert queue["work_pool_name"] == "default-agent-pool"
    assert api.get(f"/work_queues/name/{queue['name']}").json() == queue
    assert api.post("/work_queues/", json={"name": queue["name"]}).status_code == 409
    assert api.post("/work_queues/", json={"name": "default"}).status_code == 409
    in_another = new_queue(api, new_pool(api))
    assert api.get(f"/work_queues/name/{in_another['name']}").status_code == 404


def test_the_default_pool_comes_back_when_it_is_needed(api: httpx.Client) -> None:
    """With its default queue, for a deployment or a queue that names none."""
    for make in (
        lambda: made(api, "/work_queues/", {"name": "default", "description": "mine"}),
        lambda: new_deployment(api, work_queue_name="default"),
        lambda: new_deployment(api, work_queue_name=unique("queue")),
    ):
        assert api.delete("/work_pools/default-agent-pool").status_code == 204
        assert api.get("/work_queues/name/default").status_code == 404
        assert make()["work_pool_name"] == "default-agent-pool"
        assert api.get("/work_queues/name/default").status_code == 200


class TestNames:
    def test_a_name_is_taken_once_in_a_pool(self, api: httpx.Client) -> None:
        """As a creation and as a change; another pool may have the same."""
        pool, other = new_pool(api), new_pool(api)
        queue, second = new_queue(api, pool), new_queue(api, pool)
        answer = api.post(f"/work_pools/{pool['name']}/queues", json={"name": queue["name"]})
        detail = {"detail": f"A work queue with this name already exists in work pool '{pool['name']}'."}
        assert (answer.status_code, answer.json()) == (409, detail)
        for path in (path_of(pool, second), f"/work_queues/{second['id']}"):
            assert api.patch(path, json={"name": queue["name"]}).status_code == 409
        new_queue(api, other, name=queue["name"])

    def test_a_new_name_is_told_by_all_that_is_in_the_queue(self, api: httpx.Client) -> None:
        pool = new_pool(api)
        queue = new_queue(api, pool)
        run = put_run(api, pool, queue["name"])
        change(api, path_of(pool, queue), name="new")
        for path in (f"/flow_runs/{run['id']}", f"/deployments/{run['deployment_id']}"):
            assert api.get(path).json()["work_queue_name"] == "new"

    def test_a_queue_that_is_not_there_is_404(self, api: httpx.Client) -> None:
        pool = new_pool(api)
        path = f"/work_pools/{pool['name']}/queues/none"
        answers = [api.get(path), api.patch(path, json={}), api.delete(path)]
        detail = {"detail": f"Work pool queue '{pool['name']}/none' not found."}
        assert [(x.status_code, x.json()) for x in answers] == [(404, detail)] * 3
        path = f"/work_queues/{NOWHERE}"
        answers = [api.get(path), api.patch(path, json={}), api.delete(path), api.get("/work_queues/name/none")]
        assert [x.status_code for x in answers] == [404] * 4

    @pytest.mark.parametrize("fields", [{"name": "a/b"}, {"name": None}, {"priority": 0}, {"concurrency_limit": -1}])
    def test_bad_values_are_refused(self, api: httpx.Client, fields: Any) -> None:
        pool = new_pool(api)
        body = {"name": "q"} | fields
        assert api.post(f"/work_pools/{pool['name']}/queues", json=body).status_code == 422
        assert api.post("/work_queues/", json=body).status_code == 422
        assert list(queues_of(api, pool)) == ["default"]


class TestPriorities:
    def test_the_first_free_one_is_taken(self, api: httpx.Client) -> None:
        pool = new_pool(api)
        new_queue(api, pool, name="far", priority=5)
        for name in "abc":
            new_queue(api, pool, name=name)
        assert queues_of(api, pool) == {"default": 1, "a": 2, "b": 3, "c": 4, "far": 5}

    def test_others_make_way_no_further_than_they_must(self, api: httpx.Client) -> None:
        pool = new_pool(api)
        for name, priority in (("a", 2), ("b", 3), ("c", 7)):
            new_queue(api, pool, name=name, priority=priority)
        new_queue(api, pool, name="new", priority=1)
        assert queues_of(api, pool) == {"new": 1, "default": 2, "a": 3, "b": 4, "c": 7}
        change(api, f"/work_pools/{pool['name']}/queues/c", priority=3)
        assert queues_of(api, pool) == {"new": 1, "default": 2, "c": 3, "a": 4, "b": 5}

    def test_a_change_by_id_makes_way_too(self, api: httpx.Client) -> None:
        pool = new_pool(api)
        queue = new_queue(api, pool)
        change(api, f"/work_queues/{queue['id']}", priority=1)
        assert queues_of(api, pool) == {queue["name"]: 1, "default": 2}


def test_a_queue_is_changed_in_what_is_given(api: httpx.Client) -> None:
    pool = new_pool(api)
    queue = new_queue(api, pool, concurrency_limit=1, description="d")
    change(api, path_of(pool, queue), name=queue["name"])
    assert api.get(path_of(pool, queue)).json() | {"updated": 0} == queue | {"updated": 0}
    change(api, f"/work_queues/{queue['id']}", concurrency_limit=None, description="e")
    changed = {"concurrency_limit": None, "active_slots": None, "description": "e", "updated": 0}
    assert api.get(path_of(pool, queue)).json() | {"updated": 0} == queue | changed


class TestStatus:
    @pytest.mark.parametrize(("seconds_ago", "status"), [(10, "READY"), (70, "NOT_READY"), (None, "NOT_READY")])
    def test_a_pause_ends_as_ready_as_polls_make_it(
        self, api: httpx.Client, seconds_ago: int | None, status: str
    ) -> None:
        pool = new_pool(api)
        queue = new_queue(api, pool)
        path = path_of(pool, queue)
        if seconds_ago is not None:
            now = datetime.fromisoformat(queue["created"])
            change(api, path, last_polled=(now - timedelta(seconds=seconds_ago)).isoformat())
        change(api, path, is_paused=True)
        assert api.get(path).json()["status"] == "PAUSED"
        change(api, path, is_paused=True)
        assert api.get(path).json()["status"] == "PAUSED"
        change(api, path, is_paused=False)
        assert api.get(path).json()["status"] == status

    def test_a_queue_is_healthy_while_it_is_polled_and_nothing_is_late(self, api: httpx.Client) -> None:
        pool = new_pool(api)
        queue = new_queue(api, pool)
        run = put_run(api, pool, queue["name"])

        def told() -> tuple[bool, int]:
            status = api.get(f"/work_queues/{queue['id']}/status").json()
            policy = {"maximum_late_runs": 0, "maximum_seconds_since_last_polled": 60}
            assert status["health_check_policy"] == policy
            return status["healthy"], status["late_runs_count"]

        assert told() == (False, 0)
        offered(api, pool)
        assert told() == (True, 0)
        set_state(api, f"/flow_runs/{run['id']}", "SCHEDULED", name="Late")
        assert told() == (False, 1)


def test_queues_are_found_by_filters(api: httpx.Client) -> None:
    """In a pool by priority, in all pools by name."""
    pool, mark = new_pool(api), unique("mark")
    last, first = new_queue(api, pool, name=f"{mark}-b"), new_queue(api, pool, name=f"{mark}-a", priority=9)
    elsewhere = new_queue(api, new_pool(api), name=f"{mark}-c")
    wanted = {"work_queues": {"name": {"startswith_": [mark]}}}
    assert api.post(f"/work_pools/{pool['name']}/queues/filter", json=wanted).json() == [last, first]
    assert api.post("/work_queues/filter", json=wanted).json() == [first, last, elsewhere]
    assert api.post("/work_queues/filter", json=wanted | {"limit": 1, "offset": 1}).json() == [last]
    assert api.post(f"/work_pools/{pool['name']}/queues/filter", json={"limit": 201}).status_code == 422


class TestDeletion:
    @pytest.mark.parametrize("by_id", [True, False])
    def test_runs_and_deployments_stay_in_no_queue(self, api: httpx.Client, by_id: bool) -> None:
        pool = new_pool(api)
        queue = new_queue(api, pool)
        run = put_run(api, pool, queue["name"])
        assert api.delete(f"/work_queues/{queue['id']}" if by_id else path_of(pool, queue)).status_code == 204
        for path in (f"/flow_runs/{run['id']}", f"/deployments/{run['deployment_id']}"):
            left = api.get(path).json()
            assert (left["work_queue_id"], left["work_pool_name"]) == (None, None)
        assert offered(api, pool) == []
        assert api.get(path_of(pool, queue)).status_code == 404

    def test_the_default_queue_stays_with_its_pool(self, api: httpx.Client) -> None:
        pool = new_pool(api)
        detail = {"detail": "Can't delete a pool's default queue."}
        for path in (f"/work_pools/{pool['name']}/queues/default", f"/work_queues/{pool['default_queue_id']}"):
            answer = api.delete(path)
            assert (answer.status_code, answer.json()) == (409, detail)


class TestDeployments:
    """A deployment names a pool, a queue, or both."""

    def test_a_pool_means_its_default_queue(self, api: httpx.Client) -> None:
        pool = new_pool(api)
        deployment = new_deployment(api, work_pool_name=pool["name"])
        assert (deployment["work_queue_id"], deployment["work_queue_name"]) == (pool["default_queue_id"], "default")
        assert api.get(f"/deployments/{deployment['id']}").json() == deployment

    def test_a_queue_is_made_where_it_is_not_there(self, api: httpx.Client) -> None:
        """In the pool, or where none is named in the default one, before those that were there."""
        pool = new_pool(api)
        deployment = new_deployment(api, work_pool_name=pool["name"], work_queue_name="q")
        assert queues_of(api, pool) == {"default": 1, "q": 2}
        assert (deployment["work_pool_name"], deployment["work_queue_name"]) == (pool["name"], "q")
        word = unique("queue")
        standalone = new_deployment(api, work_queue_name=word)
        queue = api.get(f"/work_queues/name/{word}").json()
        assert (standalone["work_queue_id"], queue["priority"]) == (queue["id"], 1)
        told = list(queues_of(api, {"name": "default-agent-pool"}).values())
        assert all(x < y for x, y in pairwise(told))

    def test_a_deployment_moves_to_another_queue(self, api: httpx.Client) -> None:
        """New runs are put there; those that wait stay where they are."""
        pool, other = new_pool(api), new_pool(api)
        run = put_run(api, pool)
        path = f"/deployments/{run['deployment_id']}"
        change(api, path, work_pool_name=other["name"], work_queue_name="q")
        assert queues_of(api, other) == {"default": 1, "q": 2}
        moved = made(api, f"{path}/create_flow_run", {})
        assert (moved["work_pool_name"], moved["work_queue_name"]) == (other["name"], "q")
        assert (offered(api, pool), offered(api, other)) == ([run["id"]], [moved["id"]])
        change(api, path, work_pool_name=other["name"])
        assert api.get(path).json()["work_queue_name"] == "default"

    def test_one_that_is_made_again_keeps_its_queue(self, api: httpx.Client) -> None:
        """Unless another is named."""
        pool = new_pool(api)
        first = new_deployment(api, work_pool_name=pool["name"], work_queue_name="q")
        body = {"flow_id": first["flow_id"], "name": first["name"]}
        again = api.post("/deployments/", json=body)
        assert (again.status_code, again.json()["work_queue_id"]) == (200, first["work_queue_id"])
        moved = api.post("/deployments/", json=body | {"work_pool_name": pool["name"]}).json()
        assert moved["work_queue_id"] == pool["default_queue_id"]

    def test_a_run_may_be_put_into_another_queue_of_the_pool(self, api: httpx.Client) -> None:
        """Which is made where it is not there."""
        pool = new_pool(api)
        deployment = new_deployment(api, work_pool_name=pool["name"])
        for _ in range(2):
            run = made(api, f"/deployments/{deployment['id']}/create_flow_run", {"work_queue_name": "q"})
            assert (run["work_pool_name"], run["work_queue_name"]) == (pool["name"], "q")
        assert queues_of(api, pool) == {"default": 1, "q": 2}


def test_nothing_is_left_of_a_run_that_was_handed_out(api: httpx.Client) -> None:
    """A slot is a run under way: deleting it frees the slot."""
    pool = new_pool(api, concurrency_limit=1)
    runs = [put_run(api, pool)["id"] for _ in range(2)]
    assert [submit(api, x) for x in runs] == ["ACCEPT", "REJECT"]
    assert api.delete(f"/flow_runs/{runs[0]}").status_code == 204
    assert submit(api, runs[1]) == "ACCEPT"
