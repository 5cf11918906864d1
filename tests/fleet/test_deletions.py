"""What is deleted is deleted once and wholly, whatever else is asked about it at the same moment elsewhere."""

from collections import Counter

from tests.crash.wire import Answer
from tests.fleet.fleet import Client, Fleet, at_once, set_state, unique

ROUNDS = 4
RUNS = 20
DELETERS = 5


async def test_a_flow_run_in_use(fleet: Fleet) -> None:
    """Its task runs are started and new ones made, until it is gone: with all of them, and with the slots they held."""
    tag = unique("tag")
    await fleet.clients[0].post("/concurrency_limits/", {"tag": tag, "concurrency_limit": RUNS})
    for _ in range(ROUNDS):
        flow_run_id = await fleet.running_flow_run()
        runs = await fleet.task_runs(flow_run_id, RUNS, tags=[tag])
        *workers, last = fleet.clients
        starts = [_start(x, y) for x, y in zip(workers, runs, strict=False)]
        creations = [_create(x, flow_run_id, tag) for x in workers[RUNS : 2 * RUNS]]
        deletions = [x.ask("DELETE", f"/flow_runs/{flow_run_id}") for x in workers[-DELETERS:]]
        _, _, deleted = await at_once([at_once(starts), at_once(creations), at_once(deletions)])
        assert Counter(x.status for x in deleted) == {204: 1, 404: DELETERS - 1}
        assert await last.post("/task_runs/filter", {"flow_runs": {"id": {"any_": [flow_run_id]}}}) == []
        assert (await last.get(f"/concurrency_limits/tag/{tag}"))["active_slots"] == []


async def _start(client: Client, task_run_id: str) -> list[Answer]:
    """Back and forth, so that slots are taken and given back all the while."""
    answers = [await client.ask("POST", *set_state(task_run_id, x)) for x in ("RUNNING", "FAILED", "RUNNING")]
    assert {x.status for x in answers} <= {201, 404}
    return answers


async def _create(client: Client, flow_run_id: str, tag: str) -> list[Answer]:
    body = {"flow_run_id": flow_run_id, "task_key": "task", "tags": [tag]}
    answers = [await client.ask("POST", "/task_runs/", {**body, "dynamic_key": unique("new")}) for _ in range(3)]
    assert {x.status for x in answers} <= {201, 409}
    return answers


async def test_a_task_run_in_use(fleet: Fleet) -> None:
    """It is gone with its slot, and a subflow that is made of it at the same moment has no parent or is not made."""
    tag = unique("tag")
    await fleet.clients[0].post("/concurrency_limits/", {"tag": tag, "concurrency_limit": 1})
    flow_run_id = await fleet.running_flow_run()
    flow_id = (await fleet.clients[0].get(f"/flow_runs/{flow_run_id}"))["flow_id"]
    for _ in range(ROUNDS):
        run_id = await fleet.task_run(flow_run_id, tags=[tag])
        body = {"flow_id": flow_id, "parent_task_run_id": run_id, "state": {"type": "RUNNING"}}
        one, two, *deleters = fleet.clients[: 2 + DELETERS]
        deletions = [x.ask("DELETE", f"/task_runs/{run_id}") for x in deleters]
        _, (made,), deleted = await at_once(
            [_start(one, run_id), at_once([two.ask("POST", "/flow_runs/", body)]), at_once(deletions)]
        )
        assert Counter(x.status for x in deleted) == {204: 1, 404: DELETERS - 1}
        assert made.status in (201, 409)
        if made.status == 201:
            assert (await one.get(f"/flow_runs/{made.body['id']}"))["parent_task_run_id"] is None
        assert await fleet.states(run_id) == []
        assert (await one.get(f"/concurrency_limits/tag/{tag}"))["active_slots"] == []


async def test_a_flow_with_runs_in_use(fleet: Fleet) -> None:
    """Its runs go with it, also those that are made at the same moment."""
    for _ in range(ROUNDS):
        flow_run_id = await fleet.running_flow_run()
        flow_id = (await fleet.clients[0].get(f"/flow_runs/{flow_run_id}"))["flow_id"]
        runs = await fleet.task_runs(flow_run_id, RUNS)
        *workers, last = fleet.clients
        starts = [_start(x, y) for x, y in zip(workers, runs, strict=False)]
        creations = [x.ask("POST", "/flow_runs/", {"flow_id": flow_id}) for x in workers[RUNS : 2 * RUNS]]
        deletions = [x.ask("DELETE", f"/flows/{flow_id}") for x in workers[-DELETERS:]]
        _, made, deleted = await at_once([at_once(starts), at_once(creations), at_once(deletions)])
        assert {x.status for x in made} <= {201, 409}
        assert Counter(x.status for x in deleted) == {204: 1, 404: DELETERS - 1}
        assert await last.post("/flow_runs/filter", {"flows": {"id": {"any_": [flow_id]}}}) == []
