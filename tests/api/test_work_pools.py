"""Work pools over HTTP."""

from typing import Any

import httpx
import pytest

from tests.api.records import NOWHERE, made, new_block_document, new_deployment, new_flow_run, unique
from tests.api.work import PROCESS, new_pool, new_queue, offered, put_run, submit


def read(api: httpx.Client, pool: Any) -> Any:
    answer = api.get(f"/work_pools/{pool['name']}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def change(api: httpx.Client, pool: Any, **fields: Any) -> None:
    answer = api.patch(f"/work_pools/{pool['name']}", json=fields)
    assert answer.status_code == 204, answer.text


def test_a_pool_comes_with_its_default_queue(api: httpx.Client) -> None:
    pool = new_pool(api)
    queue = api.get(f"/work_pools/{pool['name']}/queues/default").json()
    assert (pool["default_queue_id"], pool["id"]) == (queue["id"], queue["work_pool_id"])
    assert (queue["priority"], queue["status"], queue["work_pool_name"]) == (1, "NOT_READY", pool["name"])
    assert read(api, pool) == pool


def test_there_is_a_pool_for_queues_that_name_none(api: httpx.Client) -> None:
    """Always, and it is one of agents, whose status nobody is told."""
    pool = api.get("/work_pools/default-agent-pool").json()
    assert (pool["type"], pool["status"]) == ("prefect-agent", None)
    assert api.get("/work_queues/name/default").json()["id"] == pool["default_queue_id"]


class TestNames:
    def test_a_name_is_taken_once(self, api: httpx.Client) -> None:
        answer = api.post("/work_pools/", json={"name": new_pool(api)["name"]})
        assert (answer.status_code, answer.json()) == (409, {"detail": "A work pool with this name already exists."})

    @pytest.mark.parametrize("name", ["prefect", "Prefect managed", "prefect-x"])
    def test_names_of_the_makers_are_reserved(self, api: httpx.Client, name: str) -> None:
        """For every change but a pause and a limit."""
        assert api.post("/work_pools/", json={"name": name}).status_code == 403
        assert api.patch(f"/work_pools/{name}", json={"description": "x"}).status_code == 403
        assert api.patch(f"/work_pools/{name}", json={"is_paused": True}).status_code == 404
        assert api.delete(f"/work_pools/{name}").status_code == 403

    @pytest.mark.parametrize(("name", "status"), [("", 400), ("\" '", 400), ("a/b", 422), (None, 422)])
    def test_a_name_can_be_written(self, api: httpx.Client, name: Any, status: int) -> None:
        assert api.post("/work_pools/", json={"name": name}).status_code == status

    def test_a_pool_that_is_not_there_is_404(self, api: httpx.Client) -> None:
        """Everywhere in the same words."""
        answers = [
            api.get("/work_pools/none"),
            api.patch("/work_pools/none", json={}),
            api.delete("/work_pools/none"),
            *(api.post(f"/work_pools/none/{x}", json={}) for x in ("get_scheduled_flow_runs", "queues/filter")),
            api.post("/work_pools/none/queues", json={"name": "q"}),
            api.post("/work_pools/none/workers/filter", json={}),
            api.post("/work_pools/none/workers/heartbeat", json={"name": "w"}),
            api.delete("/work_pools/none/workers/w"),
        ]
        detail = {"detail": 'Work pool "none" not found.'}
        assert [(x.status_code, x.json()) for x in answers] == [(404, detail)] * len(answers)


class TestTemplates:
    @pytest.mark.parametrize(
        "template",
        [
            {"job_configuration": {"a": "{{ x }}"}},
            {"job_configuration": {"a": "{{ x }}", "b": {"c": ["{{y}}"]}}, "variables": {"properties": {"x": {}}}},
            {"job_configuration": "text", "variables": {"properties": {}}},
            {"job_configuration": {"a": "b"}, "variables": [1]},
            "text",
        ],
    )
    def test_a_template_declares_what_it_uses(self, api: httpx.Client, template: Any) -> None:
        """422 where it doesn't, at its creation and at every change, which then changes nothing."""
        assert api.post("/work_pools/", json={"name": unique("p"), "base_job_template": template}).status_code == 422
        pool = new_pool(api, base_job_template=PROCESS)
        change = api.patch(f"/work_pools/{pool['name']}", json={"base_job_template": template, "is_paused": True})
        assert change.status_code == 422
        assert read(api, pool) == pool

    def test_defaults_fit(self, api: httpx.Client) -> None:
        def pool_with(variable: Any) -> httpx.Response:
            variables = {"type": "object", "properties": {"x": variable}}
            template = {"job_configuration": {"a": "{{ x }}"}, "variables": variables}
            return api.post("/work_pools/", json={"name": unique("p"), "base_job_template": template})

        assert pool_with({"type": "integer", "default": 1}).status_code == 201
        unfit = pool_with({"type": "integer", "default": "a"})
        detail = "Validation failed for field 'x'. Failure reason: 'a' is not valid under any of the given schemas"
        told = {"detail": f"Validation failed for work pool's job variable defaults: {detail}"}
        assert (unfit.status_code, unfit.json()) == (422, told)
        assert pool_with({"type": "nothing"}).status_code == 422

    def test_a_default_may_be_a_block(self, api: httpx.Client) -> None:
        """It is the block's contents that must fit. 404 for a block that is not there."""

        def pool_with(document_id: Any) -> httpx.Response:
            variable = {"type": "object", "default": {"$ref": {"block_document_id": document_id}}}
            variables = {"type": "object", "properties": {"x": variable}}
            template = {"job_configuration": {"a": "{{ x }}"}, "variables": variables}
            return api.post("/work_pools/", json={"name": unique("p"), "base_job_template": template})

        assert pool_with(new_block_document(api)["id"]).status_code == 201
        assert [pool_with(x).status_code for x in (NOWHERE, "text", 1)] == [404, 404, 404]
        assert pool_with(None).status_code == 201

    def test_a_template_is_kept_as_it_came(self, api: httpx.Client) -> None:
        pool = new_pool(api, base_job_template=PROCESS)
        assert read(api, pool)["base_job_template"] == PROCESS
        change(api, pool, base_job_template={})
        assert read(api, pool)["base_job_template"] == {}


def test_a_pool_is_changed_in_what_is_given(api: httpx.Client) -> None:
    """Nothing takes the place of what it must have."""
    pool = new_pool(api, description="d", concurrency_limit=3)
    change(api, pool, concurrency_limit=None, is_paused=None, base_job_template=None)
    assert read(api, pool) | {"updated": 0} == pool | {"concurrency_limit": None, "active_slots": None, "updated": 0}
    storage = {"bundle_upload_step": {"a": {}}, "bundle_execution_step": None, "default_result_storage_block_id": None}
    change(api, pool, description="e", concurrency_limit=0, storage_configuration=storage)
    changed = {"description": "e", "concurrency_limit": 0, "active_slots": 0, "storage_configuration": storage}
    assert read(api, pool) | {"updated": 0} == pool | changed | {"updated": 0}
    assert api.patch(f"/work_pools/{pool['name']}", json={"name": "x"}).status_code == 422
    assert api.patch(f"/work_pools/{pool['name']}", json={"concurrency_limit": -1}).status_code == 422


def test_old_3x_clients_are_not_told_where_results_are(api: httpx.Client) -> None:
    """They fail where they are."""
    pool = new_pool(api)
    for version, told in (("3.3.7", False), ("3.3.8", True), ("2.20.25", True)):
        agent = {"user-agent": f"prefect/{version} (API 0.8.4)"}
        storage = api.get(f"/work_pools/{pool['name']}", headers=agent).json()["storage_configuration"]
        assert ("default_result_storage_block_id" in storage) is told


class TestStatus:
    def test_a_pool_is_ready_while_it_has_workers(self, api: httpx.Client) -> None:
        pool = new_pool(api)
        assert pool["status"] == "NOT_READY"
        assert api.post(f"/work_pools/{pool['name']}/workers/heartbeat", json={"name": "w"}).status_code == 204
        assert read(api, pool)["status"] == "READY"

    @pytest.mark.parametrize("served", [False, True])
    def test_a_pause_goes_before_all_else(self, api: httpx.Client, served: bool) -> None:
        """A heartbeat does not end it; afterwards the pool is as ready as its workers are."""
        pool = new_pool(api, is_paused=True)
        assert pool["status"] == "PAUSED"
        if served:
            api.post(f"/work_pools/{pool['name']}/workers/heartbeat", json={"name": "w"})
        assert read(api, pool)["status"] == "PAUSED"
        change(api, pool, is_paused=False)
        assert read(api, pool)["status"] == ("READY" if served else "NOT_READY")

    def test_nobody_is_told_the_status_of_a_pool_of_agents(self, api: httpx.Client) -> None:
        pool = new_pool(api, type="prefect-agent", is_paused=True)
        change(api, pool, is_paused=False)
        assert (pool["status"], read(api, pool)["status"]) == (None, None)


def test_pools_are_found_and_counted_by_filters(api: httpx.Client) -> None:
    """By name; the page and the filter go together."""
    mark = unique("type")
    pools = sorted((new_pool(api, type=mark) for _ in range(3)), key=lambda x: str(x["name"]))
    wanted = {"work_pools": {"type": {"any_": [mark]}}}
    assert api.post("/work_pools/filter", json=wanted).json() == pools
    assert api.post("/work_pools/filter", json=wanted | {"limit": 1, "offset": 1}).json() == pools[1:2]
    assert api.post("/work_pools/count", json=wanted).json() == 3
    one = {"work_pools": {"id": {"any_": [pools[0]["id"]]}, "name": {"any_": [pools[0]["name"]]}}}
    assert api.post("/work_pools/filter", json=one).json() == pools[:1]
    assert api.post("/work_pools/count", json={}).json() == len(api.post("/work_pools/filter", json={}).json())


class TestDeletion:
    def test_queues_and_workers_go_and_runs_stay(self, api: httpx.Client) -> None:
        """Deployments and runs are then in no queue, and still know the name of the one that they were in."""
        pool = new_pool(api)
        new_queue(api, pool, name="q")
        deployment = new_deployment(api, work_pool_name=pool["name"], work_queue_name="q")
        run = made(api, f"/deployments/{deployment['id']}/create_flow_run", {})
        assert (run["work_pool_id"], run["work_pool_name"], run["work_queue_name"]) == (pool["id"], pool["name"], "q")
        assert api.delete(f"/work_pools/{pool['name']}").status_code == 204
        for path in (f"/deployments/{deployment['id']}", f"/flow_runs/{run['id']}"):
            left = api.get(path).json()
            assert (left["work_queue_id"], left["work_pool_name"], left["work_queue_name"]) == (None, None, "q")
        assert api.get(f"/work_pools/{pool['name']}").status_code == 404
        named = {"work_queues": {"id": {"any_": [run["work_queue_id"]]}}}
        assert api.post("/work_queues/filter", json=named).json() == []

    def test_its_name_is_free_again(self, api: httpx.Client) -> None:
        pool = new_pool(api)
        api.delete(f"/work_pools/{pool['name']}")
        assert new_pool(api, name=pool["name"])["id"] != pool["id"]


class TestSlots:
    def test_runs_that_are_under_way_are_told_by_their_queues(self, api: httpx.Client) -> None:
        pool = new_pool(api, concurrency_limit=5)
        second = new_queue(api, pool)
        runs = [put_run(api, pool), put_run(api, pool, second["name"]), put_run(api, pool, second["name"])]
        assert [submit(api, x["id"]) for x in runs[:2]] == ["ACCEPT"] * 2
        assert read(api, pool)["active_slots"] == 2
        status = api.post(f"/work_pools/{pool['name']}/concurrency_status", json={}).json()
        assert (status["active_slots"], status["concurrency_limit"], status["count"]) == (2, 5, 2)
        told = [(x["queue_name"], x["active_slots"], [y["id"] for y in x["flow_runs"]]) for x in status["queues"]]
        assert told == [("default", 1, [runs[0]["id"]]), (second["name"], 1, [runs[1]["id"]])]
        assert status["queues"][0]["flow_runs"][0]["time_in_current_state"].startswith("P")
        page = {"limit": 1, "page": 2, "flow_run_limit": 0}
        status = api.post(f"/work_pools/{pool['name']}/concurrency_status", json=page).json()
        assert [(x["queue_name"], x["flow_runs"]) for x in status["queues"]] == [(second["name"], [])]
        assert (status["pages"], status["page"], status["limit"]) == (2, 2, 1)
        assert api.post("/work_pools/none/concurrency_status", json={}).status_code == 404

    def test_runs_without_a_deployment_take_them_too(self, api: httpx.Client) -> None:
        """They are put into the pool by name, which must be there, as must the queue."""
        pool = new_pool(api, concurrency_limit=1)
        run = new_flow_run(api, work_pool_name=pool["name"], state={"type": "SCHEDULED"})
        assert (run["work_pool_name"], run["work_queue_id"]) == (pool["name"], pool["default_queue_id"])
        assert offered(api, pool) == [run["id"]]
        body = {"flow_id": run["flow_id"], "work_pool_name": pool["name"], "work_queue_name": "none"}
        answer = api.post("/flow_runs/", json=body)
        detail = {"detail": f"Work pool queue '{pool['name']}/none' not found."}
        assert (answer.status_code, answer.json()) == (404, detail)
