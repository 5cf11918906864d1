"""Work pools that many workers poll, and operators change, at once."""

from collections import Counter
from itertools import pairwise
from typing import Any

import httpx

from tests.api.records import made, new_deployment, new_flow, unique
from tests.api.work import new_pool, new_queue, offered, put_run, queues_of
from tests.concurrency.conftest import Call, Fleet, delete, patch, post, statuses

MANY = 20


def submit(run_id: str) -> Call:
    return post(f"/flow_runs/{run_id}/set_state", {"state": {"type": "PENDING"}})


def verdicts(answers: list[httpx.Response]) -> Counter[str]:
    return Counter(x.json()["status"] for x in answers)


def runs_in(api: httpx.Client, pool: Any, count: int, queue: str | None = None) -> list[str]:
    deployment = new_deployment(api, work_pool_name=pool["name"], work_queue_name=queue)
    return [made(api, f"/deployments/{deployment['id']}/create_flow_run", {})["id"] for _ in range(count)]


def test_a_run_is_given_to_one_of_those_that_were_offered_it(fleet: Fleet) -> None:
    """All poll at once and are offered the same; of all that ask for a run one gets it."""
    pool = new_pool(fleet.api)
    runs = runs_in(fleet.api, pool, 3)
    polls = fleet.at_once(*[post(f"/work_pools/{pool['name']}/get_scheduled_flow_runs", {})] * MANY)
    assert [[x["flow_run"]["id"] for x in answer.json()] for answer in polls] == [runs] * MANY
    for run_id in runs:
        assert verdicts(fleet.at_once(*[submit(run_id)] * 8)) == {"ACCEPT": 1, "ABORT": 7}


def test_no_more_runs_are_submitted_than_a_pool_has_slots(fleet: Fleet) -> None:
    """Whoever asks first, over all its queues. (Guards.)"""
    pool = new_pool(fleet.api, concurrency_limit=7)
    queue = new_queue(fleet.api, pool)
    runs = runs_in(fleet.api, pool, MANY) + runs_in(fleet.api, pool, MANY, queue["name"])
    assert verdicts(fleet.at_once(*map(submit, runs))) == {"ACCEPT": 7, "REJECT": 2 * MANY - 7}
    assert fleet.api.get(f"/work_pools/{pool['name']}").json()["active_slots"] == 7
    assert offered(fleet.api, pool) == []


def test_the_last_slot_is_given_once(fleet: Fleet) -> None:
    """Also where those who want it ask different servers in the same instant. (Guards.)"""
    pools = [new_pool(fleet.api, concurrency_limit=1) for _ in range(40)]
    wanted = {pool["name"]: runs_in(fleet.api, pool, 2) for pool in pools}
    for runs in wanted.values():
        assert verdicts(fleet.at_once(*map(submit, runs))) == {"ACCEPT": 1, "REJECT": 1}


def test_no_more_runs_are_submitted_than_queues_have_slots(fleet: Fleet) -> None:
    """Of two queues with limits in a pool that has one too; slots that come free meanwhile are given once."""
    pool = new_pool(fleet.api, concurrency_limit=6)
    queues = [new_queue(fleet.api, pool, concurrency_limit=4)["name"] for _ in range(2)]
    runs = [x for queue in queues for x in runs_in(fleet.api, pool, 8, queue)]
    granted = fleet.at_once(*map(submit, runs))
    assert verdicts(granted)["ACCEPT"] == 6
    taken = [run for run, answer in zip(runs, granted, strict=True) if answer.json()["status"] == "ACCEPT"]
    ended = [post(f"/flow_runs/{x}/set_state", {"state": {"type": "CRASHED"}, "force": True}) for x in taken]
    fleet.at_once(*ended, *(submit(x) for x in runs if x not in taken))
    status = fleet.api.post(f"/work_pools/{pool['name']}/concurrency_status", json={}).json()
    assert status["active_slots"] <= 6
    assert all(x["active_slots"] <= 4 for x in status["queues"] if x["queue_name"] in queues)


def test_priorities_changed_at_once_stay_apart(fleet: Fleet) -> None:
    """Of queues that are made, moved and deleted meanwhile."""
    pool = new_pool(fleet.api)
    queues = [new_queue(fleet.api, pool) for _ in range(8)]
    path = f"/work_pools/{pool['name']}/queues"
    calls = [patch(f"{path}/{x['name']}", {"priority": 1 + n % 3}) for n, x in enumerate(queues[:5])]
    calls += [post(path, {"name": unique("queue"), "priority": 2}) for _ in range(4)]
    calls += [post(path, {"name": unique("queue")}) for _ in range(3)]
    calls += [delete(f"{path}/{x['name']}") for x in queues[5:]]
    assert statuses(fleet.at_once(*calls)) == {204: 8, 201: 7}
    told = list(queues_of(fleet.api, pool).values())
    assert len(told) == 13
    assert all(x < y for x, y in pairwise(told))


def test_a_queue_that_many_deployments_name_is_made_once(fleet: Fleet) -> None:
    """As is the default pool, where it is gone."""
    flow_id, name = new_flow(fleet.api)["id"], unique("queue")
    for pool in (new_pool(fleet.api)["name"], None):
        bodies = [
            {"flow_id": flow_id, "name": unique("d"), "work_queue_name": name, "work_pool_name": pool}
            for _ in range(MANY)
        ]
        answers = fleet.at_once(*(post("/deployments/", x) for x in bodies))
        assert statuses(answers) == {201: MANY}
        assert len({x.json()["work_queue_id"] for x in answers}) == 1


def test_a_pool_is_deleted_while_runs_come_and_go(fleet: Fleet) -> None:
    """Each is answered as if it were alone, and nothing waits in a circle."""
    for _ in range(4):
        pool = new_pool(fleet.api, concurrency_limit=3)
        queue = new_queue(fleet.api, pool)
        runs = runs_in(fleet.api, pool, 4, queue["name"])
        deployment_id = put_run(fleet.api, pool, queue["name"])["deployment_id"]
        calls = [submit(x) for x in runs]
        calls += [post(f"/deployments/{deployment_id}/create_flow_run", {})] * 3
        calls += [post(f"/work_pools/{pool['name']}/get_scheduled_flow_runs", {})] * 3
        calls += [patch(f"/deployments/{deployment_id}", {"tags": ["x"]}), delete(f"/work_pools/{pool['name']}")]
        answers = fleet.at_once(*calls)
        assert {x.status_code for x in answers} <= {200, 201, 204, 404}
        assert answers[-1].status_code == 204
        assert fleet.api.get(f"/deployments/{deployment_id}").json()["work_queue_id"] is None


def test_heartbeats_and_polls_of_a_fleet(fleet: Fleet) -> None:
    """A worker is known once, however many of its heartbeats meet, and all that poll are answered."""
    pool = new_pool(fleet.api)
    beats = [post(f"/work_pools/{pool['name']}/workers/heartbeat", {"name": f"w{n % 5}"}) for n in range(MANY)]
    polls = [post(f"/work_pools/{pool['name']}/get_scheduled_flow_runs", {})] * MANY
    assert statuses(fleet.at_once(*(x for pair in zip(beats, polls, strict=True) for x in pair))) == {
        204: MANY,
        200: MANY,
    }
    workers = fleet.api.post(f"/work_pools/{pool['name']}/workers/filter", json={}).json()
    assert {x["name"] for x in workers} == {f"w{n}" for n in range(5)}
    assert fleet.api.get(f"/work_pools/{pool['name']}").json()["status"] == "READY"
