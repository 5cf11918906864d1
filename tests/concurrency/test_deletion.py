"""Runs, and the flows that they are of, deleted while other requests go on with them."""

from typing import Any

from tests.api.records import made, new_block_document, new_flow, new_flow_run, new_task_run, unique
from tests.concurrency.conftest import Call, Fleet, delete, post, statuses

MANY = 8


def start(task_run: Any) -> Call:
    return post(f"/task_runs/{task_run['id']}/set_state", {"state": {"type": "RUNNING"}})


def new_task(flow_run: Any, **fields: Any) -> Call:
    keys = {"task_key": "task", "dynamic_key": unique("key")}
    return post("/task_runs/", {"flow_run_id": flow_run["id"], **keys, **fields})


def subflow_run(flow: Any, parent: Any) -> Call:
    return post("/flow_runs/", {"flow_id": flow["id"], "parent_task_run_id": parent["id"]})


def limited_tag(fleet: Fleet) -> str:
    """A tag with a limit that is never reached."""
    tag = unique("tag")
    made(fleet.api, "/concurrency_limits/", {"tag": tag, "concurrency_limit": 100})
    return tag


def assert_nothing_is_left(fleet: Fleet, tag: str, flow_run_ids: list[str]) -> None:
    """No run of these flow runs, no slot of the tag, and no subflow whose parent is gone."""
    assert fleet.api.get(f"/concurrency_limits/tag/{tag}").json()["active_slots"] == []
    ids = {"id": {"any_": flow_run_ids}}
    assert fleet.api.post("/flow_runs/count", json={"flow_runs": ids}).json() == 0
    assert fleet.api.post("/task_runs/count", json={"flow_runs": ids}).json() == 0


def test_a_flow_run_goes_with_all_that_comes_to_it_meanwhile(fleet: Fleet) -> None:
    """Its task runs, their states and their slots; subflows stay, and no longer have a parent."""
    tag, other = limited_tag(fleet), new_flow(fleet.api)
    for _ in range(2):
        run = new_flow_run(fleet.api, state={"type": "RUNNING"})
        tasks = [new_task_run(fleet.api, run["id"], tags=[tag]) for _ in range(MANY)]
        calls = [call for x in tasks for call in (start(x), new_task(run, tags=[tag]), subflow_run(other, x))]
        half = len(calls) // 2
        answers = fleet.at_once(*calls[:half], delete(f"/flow_runs/{run['id']}"), *calls[half:])
        assert answers.pop(half).status_code == 204
        assert statuses(answers).keys() <= {200, 201, 404, 409}
        assert_nothing_is_left(fleet, tag, [run["id"]])
        subflows = [x.json()["id"] for x in answers if "flow_id" in x.json()]
        for subflow_id in subflows:
            assert fleet.api.get(f"/flow_runs/{subflow_id}").json()["parent_task_run_id"] is None


def test_a_task_run_goes_with_all_that_comes_to_it_meanwhile(fleet: Fleet) -> None:
    """Its states and its slots; subflows stay, and no longer have a parent."""
    tag, other = limited_tag(fleet), new_flow(fleet.api)
    run = new_flow_run(fleet.api, state={"type": "RUNNING"})
    for _ in range(2):
        tasks = [new_task_run(fleet.api, run["id"], tags=[tag]) for _ in range(MANY)]
        calls = [call for x in tasks for call in (start(x), subflow_run(other, x), delete(f"/task_runs/{x['id']}"))]
        answers = fleet.at_once(*calls)
        assert statuses(answers[2::3]) == {204: MANY}
        assert statuses(answers).keys() <= {200, 201, 204, 404, 409}
        assert fleet.api.get(f"/concurrency_limits/tag/{tag}").json()["active_slots"] == []
        subflows = [x.json()["id"] for x in answers[1::3] if x.status_code == 201]
        for subflow_id in subflows:
            assert fleet.api.get(f"/flow_runs/{subflow_id}").json()["parent_task_run_id"] is None


def test_a_flow_goes_with_all_that_comes_to_it_meanwhile(fleet: Fleet) -> None:
    """Its flow runs with their task runs and slots."""
    tag = limited_tag(fleet)
    for _ in range(2):
        flow = new_flow(fleet.api)
        runs = [new_flow_run(fleet.api, flow_id=flow["id"], state={"type": "RUNNING"}) for _ in range(2)]
        tasks = [new_task_run(fleet.api, x["id"], tags=[tag]) for x in runs for _ in range(MANY // 2)]
        calls = [call for x in tasks for call in (start(x), post("/flow_runs/", {"flow_id": flow["id"]}))]
        half = len(calls) // 2
        answers = fleet.at_once(*calls[:half], delete(f"/flows/{flow['id']}"), *calls[half:])
        assert answers.pop(half).status_code == 204
        assert statuses(answers).keys() <= {200, 201, 404, 409}
        made_meanwhile = [x.json()["id"] for x in answers[1::2] if x.status_code == 201]
        assert_nothing_is_left(fleet, tag, [*(x["id"] for x in runs), *made_meanwhile])


def test_a_run_is_deleted_once(fleet: Fleet) -> None:
    """Whoever comes second is told that there is none. (Guards.)"""
    run = new_flow_run(fleet.api)
    task_run = new_task_run(fleet.api, run["id"])
    for path in (f"/task_runs/{task_run['id']}", f"/flow_runs/{run['id']}", f"/flows/{run['flow_id']}"):
        assert statuses(fleet.at_once(*[delete(path)] * MANY)) == {204: 1, 404: MANY - 1}


def test_a_block_document_goes_with_the_runs_that_it_describes(fleet: Fleet) -> None:
    """Also with those that are made meanwhile."""
    for _ in range(2):
        document = new_block_document(fleet.api)
        flow = new_flow(fleet.api)
        described = {"flow_id": flow["id"], "infrastructure_document_id": document["id"]}
        calls = [post("/flow_runs/", described)] * MANY
        calls += [post("/deployments/", described | {"name": f"deployment-{x}"}) for x in range(MANY)]
        answers = fleet.at_once(*calls[::2], delete(f"/block_documents/{document['id']}"), *calls[1::2])
        assert answers.pop(MANY).status_code == 204
        assert statuses(answers).keys() <= {201, 409}
        left = {"flows": {"id": {"any_": [flow["id"]]}}}
        assert fleet.api.post("/flow_runs/count", json=left).json() == 0
        assert fleet.api.post("/deployments/count", json=left).json() == 0
