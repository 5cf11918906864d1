"""Concurrency limits that many use, and operators change, at once."""

import httpx

from tests.api.records import made, new_flow_run, new_task_run, unique
from tests.concurrency.conftest import Call, Fleet, delete, patch, post, statuses

MANY = 20


def active_slots(api: httpx.Client, name: str) -> int:
    """How many slots of a global limit are taken."""
    count: int = api.get(f"/v2/concurrency_limits/{name}").json()["active_slots"]
    return count


def take(names: list[str]) -> Call:
    return post("/v2/concurrency_limits/increment", {"names": names, "slots": 1})


def lease(names: list[str]) -> Call:
    return post("/v2/concurrency_limits/increment-with-lease", {"names": names, "slots": 1})


def give_back(names: list[str]) -> Call:
    return post("/v2/concurrency_limits/decrement", {"names": names, "slots": 1})


def test_no_more_slots_are_taken_than_there_are(fleet: Fleet) -> None:
    """All others are told to come back. (Guards.)"""
    name = unique("limit")
    made(fleet.api, "/v2/concurrency_limits/", {"name": name, "limit": 7})
    assert statuses(fleet.at_once(*[take([name])] * MANY)) == {200: 7, 423: MANY - 7}
    assert active_slots(fleet.api, name) == 7


def test_slots_are_given_back_down_to_none(fleet: Fleet) -> None:
    """And not below, however many give back. (Guards.)"""
    name = unique("limit")
    made(fleet.api, "/v2/concurrency_limits/", {"name": name, "limit": 7, "active_slots": 7})
    assert statuses(fleet.at_once(*[give_back([name])] * MANY)) == {200: MANY}
    assert active_slots(fleet.api, name) == 0


def test_slots_of_several_limits_are_taken_in_any_order(fleet: Fleet) -> None:
    """Of all or of none, and nobody waits for one who waits for them. (Guards.)"""
    names = [unique("limit") for _ in range(3)]
    for name in names:
        made(fleet.api, "/v2/concurrency_limits/", {"name": name, "limit": 5})
    answers = fleet.at_once(*(take(names[:: 1 if x % 2 else -1]) for x in range(MANY)))
    assert statuses(answers) == {200: 5, 423: MANY - 5}
    assert [active_slots(fleet.api, x) for x in names] == [5, 5, 5]


def test_no_more_slots_are_leased_than_there_are(fleet: Fleet) -> None:
    """Of a limit that many take slots of by name too, and of two limits in any order; leases that end free them all.
    (Guards.)"""
    names = [unique("leased") for _ in range(2)]
    for name in names:
        made(fleet.api, "/v2/concurrency_limits/", {"name": name, "limit": 7})
    leases = [lease(names[:: 1 if x % 2 else -1]) for x in range(MANY)]
    answers = fleet.at_once(*(call for x in leases for call in (x, take(names[:1]))))
    assert statuses(answers) == {200: 7, 423: 2 * MANY - 7}
    assert active_slots(fleet.api, names[0]) == 7
    ids = [x.json()["lease_id"] for x in answers if x.is_success and "lease_id" in x.json()]
    renewals = [post(f"/v2/concurrency_limits/leases/{x}/renew", {}) for x in ids]
    ends = [post("/v2/concurrency_limits/decrement-with-lease", {"lease_id": x}) for x in ids] * 2
    ended = fleet.at_once(*renewals, *ends, *leases)
    assert statuses(ended).keys() <= {200, 204, 410, 423}
    late = [x.json()["lease_id"] for x in ended if x.status_code == 200]
    fleet.at_once(*(post("/v2/concurrency_limits/decrement-with-lease", {"lease_id": x}) for x in late))
    by_name = sum(x.is_success and isinstance(x.json(), list) for x in answers)
    assert [active_slots(fleet.api, x) for x in names] == [by_name, 0]


def test_a_tags_slots_are_leased_and_taken_by_transitions_at_once(fleet: Fleet) -> None:
    """While an operator resets the limit, and nobody is told more than the truth. (Guards.)"""
    tag = unique("tag")
    made(fleet.api, "/concurrency_limits/", {"tag": tag, "concurrency_limit": 5})
    run = new_flow_run(fleet.api, state={"type": "RUNNING"})
    paths = [f"/task_runs/{new_task_run(fleet.api, run['id'], tags=[tag])['id']}/set_state" for _ in range(MANY)]
    starts = [post(x, {"state": {"type": "RUNNING"}}) for x in paths]
    answers = fleet.at_once(*(call for x in starts for call in (x, lease([f"tag:{tag}"]))))
    held = sum((x.status_code == 200 and "lease_id" in x.json()) or x.status_code == 201 for x in answers)
    assert held == active_slots(fleet.api, f"tag:{tag}") == 5
    reset = post(f"/concurrency_limits/tag/{tag}/reset", {})
    assert statuses(fleet.at_once(*starts[:5], reset, lease([f"tag:{tag}"]), *starts[5:])).keys() <= {200, 201, 423}
    assert active_slots(fleet.api, f"tag:{tag}") <= 5


def test_limits_that_are_missing_are_made_once(fleet: Fleet) -> None:
    """By those who name them, in whatever order they do."""
    for _ in range(3):
        names = [unique("limit") for _ in range(6)]
        orders = [names[:: 1 if x % 2 else -1] for x in range(MANY)]
        answers = fleet.at_once(*map(take, orders))
        assert statuses(answers) == {200: MANY}
        assert [[x["name"] for x in answer.json()] for answer in answers[:2]]
        assert len({x["id"] for answer in answers for x in answer.json()}) == len(names)


def test_a_global_limit_is_changed_and_deleted_while_it_is_used(fleet: Fleet) -> None:
    """Everyone is answered as if they were alone. (Guards.)"""
    name = unique("limit")
    path = f"/v2/concurrency_limits/{name}"
    limit = made(fleet.api, "/v2/concurrency_limits/", {"name": name, "limit": 5})
    users = [call for _ in range(MANY // 2) for call in (take([name]), give_back([name]))]
    answers = fleet.at_once(*users[:6], patch(path, {"limit": 3}), *users[6:12], delete(path), *users[12:])
    assert answers.pop(13).status_code == 204
    assert answers.pop(6).status_code in (204, 404)
    assert statuses(answers).keys() <= {200, 423}
    assert fleet.api.get(f"/v2/concurrency_limits/{limit['id']}").status_code == 404


def test_operators_change_limits_of_tags_while_runs_hold_their_slots(fleet: Fleet) -> None:
    """A slot is held by a run that runs, or by nobody: of no run that ended, and of no limit that is gone."""
    tags = [unique("tag"), unique("tag")]
    run = new_flow_run(fleet.api, state={"type": "RUNNING"})
    for _ in range(3):
        for tag in tags:
            made(fleet.api, "/concurrency_limits/", {"tag": tag, "concurrency_limit": 5})
        paths = [f"/task_runs/{new_task_run(fleet.api, run['id'], tags=tags)['id']}/set_state" for _ in range(10)]
        running, ended = {"state": {"type": "RUNNING"}}, {"state": {"type": "COMPLETED"}}
        operators = [
            post(f"/concurrency_limits/tag/{tags[0]}/reset", {}),
            post("/concurrency_limits/", {"tag": tags[1], "concurrency_limit": 2}),
            delete(f"/concurrency_limits/tag/{tags[0]}"),
            post("/concurrency_limits/", {"tag": tags[0], "concurrency_limit": 3}),
        ]
        starts, ends = ([post(x, body) for x in paths] for body in (running, ended))
        calls = [call for pair in zip(starts, ends, strict=True) for call in pair]
        answers = fleet.at_once(*calls[:8], *operators[:2], *calls[8:14], *operators[2:], *calls[14:])
        assert statuses(answers).keys() <= {200, 201, 404}
        assert statuses(fleet.at_once(*ends)).keys() <= {200, 201}
        for tag in tags:
            assert fleet.api.get(f"/concurrency_limits/tag/{tag}").json().get("active_slots", []) == []


def test_a_limit_is_reset_while_it_is_deleted(fleet: Fleet) -> None:
    """Each is answered as if they were alone. (Guards.)"""
    for _ in range(4):
        tag = unique("tag")
        made(fleet.api, "/concurrency_limits/", {"tag": tag, "concurrency_limit": 5})
        holder = {"slot_override": ["00000000-0000-0000-0000-00000000dead"]}
        resets = [post(f"/concurrency_limits/tag/{tag}/reset", holder)] * 4
        answers = fleet.at_once(*resets[:2], delete(f"/concurrency_limits/tag/{tag}"), *resets[2:])
        assert answers.pop(2).status_code == 200
        assert statuses(answers).keys() <= {200, 404}
