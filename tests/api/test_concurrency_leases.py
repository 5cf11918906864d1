"""Leases of concurrency slots over HTTP, as clients of the 3.x line use them."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.records import NOWHERE, held_slots, made, new_flow_run, new_task_run, set_state, unique

LIMITS = "/v2/concurrency_limits"


def new_limit(api: httpx.Client, **fields: Any) -> str:
    """The name of a new global limit, of two slots unless told otherwise."""
    name: str = made(api, f"{LIMITS}/", {"name": unique("leased"), "limit": 2, **fields})["name"]
    return name


def take(api: httpx.Client, *names: str, **fields: Any) -> httpx.Response:
    return api.post(f"{LIMITS}/increment-with-lease", json={"names": names, "slots": 1, **fields})


def lease(api: httpx.Client, *names: str, **fields: Any) -> str:
    answer = take(api, *names, **fields)
    assert answer.status_code == 200, answer.text
    lease_id: str = answer.json()["lease_id"]
    return lease_id


def renew(api: httpx.Client, lease_id: str, **fields: Any) -> httpx.Response:
    return api.post(f"{LIMITS}/leases/{lease_id}/renew", json=fields)


def end(api: httpx.Client, lease_id: str) -> httpx.Response:
    return api.post(f"{LIMITS}/decrement-with-lease", json={"lease_id": lease_id})


def active(api: httpx.Client, name: str) -> int:
    slots: int = api.get(f"{LIMITS}/{name}").json()["active_slots"]
    return slots


def test_a_lease_is_taken_renewed_and_given_back(api: httpx.Client) -> None:
    """Its slots are among those of the limit, one by one and in the list of all, for as long as it lasts."""
    name = new_limit(api)
    answer = take(api, name, slots=2)
    limit = api.get(f"{LIMITS}/{name}").json()
    assert answer.json()["limits"] == [{"id": limit["id"], "name": name, "limit": 2}]
    assert limit["active_slots"] == 2
    assert limit in api.post(f"{LIMITS}/filter", json={}).json()
    lease_id = answer.json()["lease_id"]
    renewed = renew(api, lease_id, lease_duration=60)
    assert (renewed.status_code, renewed.content) == (204, b"")
    ended = end(api, lease_id)
    assert (ended.status_code, ended.content) == (204, b"")
    assert active(api, name) == 0


def test_a_full_limit_is_423_with_the_seconds_to_wait(api: httpx.Client) -> None:
    """Whole seconds, at least one: what a use of a slot takes on average, here 2 s of two side by side."""
    name, free = new_limit(api), new_limit(api)
    lease(api, name, slots=2)
    answer = take(api, free, name)
    assert (answer.status_code, answer.headers["Retry-After"]) == (423, "1")
    assert answer.json() == {"detail": "Locked"}
    assert active(api, free) == 0


def test_limits_that_are_not_there_or_not_active_are_in_nobodys_way(api: httpx.Client) -> None:
    """No limit is made by asking for it. A lease of one that limits nothing can be renewed like any other."""
    name = unique("nobody")
    assert take(api, name).json()["limits"] == []
    assert api.get(f"{LIMITS}/{name}").status_code == 404
    idle = new_limit(api, active=False, limit=1)
    held = [lease(api, idle, name, slots=5) for _ in range(2)]
    assert active(api, idle) == 0
    assert [renew(api, x).status_code for x in held] == [204, 204]


def test_what_no_waiting_would_bring_is_422(api: httpx.Client) -> None:
    """More slots than there are, and a rate of a limit without one."""
    name = new_limit(api)
    assert take(api, name, slots=3).json() == {"detail": "Slots requested is greater than the limit"}
    assert take(api, name, slots=3).status_code == 422
    assert take(api, name, mode="rate_limit").status_code == 422


def test_a_lease_that_is_none_is_gone_for_who_renews_it_and_no_matter_for_who_ends_it(api: httpx.Client) -> None:
    """The same for one that was ended before."""
    lease_id = lease(api, new_limit(api))
    end(api, lease_id)
    for unknown in (NOWHERE, lease_id):
        answer = renew(api, unknown)
        assert answer.status_code == 410
        assert answer.json() == {"detail": "Lease not found - it may have expired or been revoked"}
        assert end(api, unknown).status_code == 204


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"lease_duration": 59}, ["body", "lease_duration"]),
        ({"lease_duration": 86_401}, ["body", "lease_duration"]),
        ({"lease_duration": "long"}, ["body", "lease_duration"]),
        ({"slots": 0}, ["body", "slots"]),
        ({"names": []}, ["body", "names"]),
        ({"mode": "riddle"}, ["body", "mode"]),
        ({"holder": {"type": "task_run"}}, ["body", "holder", "id"]),
        ({"holder": {"type": "flow", "id": NOWHERE}}, ["body", "holder", "type"]),
        ({"holder": {"type": "task_run", "id": NOWHERE, "name": "x"}}, ["body", "holder", "name"]),
    ],
    ids=str,
)
def test_a_lease_that_cannot_be_is_422(api: httpx.Client, fields: dict[str, Any], place: list[str]) -> None:
    """The answer tells the place, and nothing is taken."""
    name = new_limit(api)
    answer = take(api, name, **fields)
    assert answer.status_code == 422
    assert [x["loc"] for x in answer.json()["exception_detail"]] == [place]
    assert active(api, name) == 0


@pytest.mark.parametrize("seconds", [59.9, 86_400.1, None, "long"])
def test_a_renewal_keeps_to_the_same_bounds(api: httpx.Client, seconds: Any) -> None:
    """A minute to a day."""
    lease_id = lease(api, new_limit(api))
    expected = 204 if seconds is None else 422
    assert renew(api, lease_id, lease_duration=seconds).status_code == expected
    assert renew(api, "none").status_code == 422


def test_a_tags_slots_are_shared_by_both_lines_of_clients(api: httpx.Client) -> None:
    """A task of the 2.x line waits for one of the 3.x line, and the other way round; both are listed as holders."""
    tag, holder = unique("tag"), {"type": "task_run", "id": NOWHERE}
    made(api, "/concurrency_limits/", {"tag": tag, "concurrency_limit": 1})
    flow_run = new_flow_run(api, state={"type": "RUNNING"})
    path = f"/task_runs/{new_task_run(api, flow_run['id'], tags=[tag])['id']}"
    lease_id = lease(api, f"tag:{tag}", holder=holder)
    assert held_slots(api, tag) == [NOWHERE]
    assert set_state(api, path, "RUNNING")["status"] == "WAIT"
    end(api, lease_id)
    assert set_state(api, path, "RUNNING")["status"] == "ACCEPT"
    assert take(api, f"tag:{tag}", holder=holder).status_code == 423
    (listed,) = (x for x in api.post("/concurrency_limits/filter", json={}).json() if x["tag"] == tag)
    assert listed["active_slots"] == held_slots(api, tag) == [path.rpartition("/")[2]]
    assert active(api, f"tag:{tag}") == 1
    set_state(api, path, "COMPLETED")
    assert held_slots(api, tag) == []
    assert take(api, f"tag:{tag}", holder=holder).status_code == 200


def test_a_tags_limit_is_one_under_both_names(api: httpx.Client) -> None:
    """Made, changed, read and deleted under either."""
    tag = unique("tag")
    limit = made(api, "/concurrency_limits/", {"tag": tag, "concurrency_limit": 3})
    assert api.get(f"{LIMITS}/tag:{tag}").json()["id"] == limit["id"]
    assert api.patch(f"{LIMITS}/tag:{tag}", json={"limit": 5}).status_code == 204
    assert api.get(f"/concurrency_limits/{limit['id']}").json()["concurrency_limit"] == 5
    assert api.post(f"{LIMITS}/", json={"name": f"tag:{tag}", "limit": 1}).status_code == 409
    assert api.delete(f"/concurrency_limits/tag/{tag}").status_code == 200
    assert api.get(f"{LIMITS}/tag:{tag}").status_code == 404
    other = made(api, f"{LIMITS}/", {"name": f"tag:{tag}", "limit": 2})
    assert api.get(f"/concurrency_limits/tag/{tag}").json()["id"] == other["id"]


def test_a_tag_with_any_character_is_leased(api: httpx.Client) -> None:
    """Tags are less strict than the names of other limits."""
    tag = unique("team/a b%")
    made(api, "/concurrency_limits/", {"tag": tag, "concurrency_limit": 1})
    lease(api, f"tag:{tag}")
    assert take(api, f"tag:{tag}").status_code == 423


def test_a_tags_slot_that_is_taken_by_request_is_that_of_a_transition(api: httpx.Client) -> None:
    """It is in the way of leases, is no second one for its run, and comes free with the run's end or by request."""
    tag = unique("tag")
    limit = made(api, "/concurrency_limits/", {"tag": tag, "concurrency_limit": 1})
    flow_run = new_flow_run(api, state={"type": "RUNNING"})
    run_id = new_task_run(api, flow_run["id"], tags=[tag], state={"type": "PENDING"})["id"]
    body = {"names": [tag, unique("nobody")], "task_run_id": run_id}
    taken = [api.post("/concurrency_limits/increment", json=body) for _ in range(2)]
    assert [x.json() for x in taken] == [[{"id": limit["id"], "name": tag, "limit": 1}]] * 2
    assert (held_slots(api, tag), take(api, f"tag:{tag}").status_code) == ([run_id], 423)
    other = api.post("/concurrency_limits/increment", json=body | {"task_run_id": NOWHERE})
    assert (other.status_code, other.headers["Retry-After"]) == (423, "30")
    assert set_state(api, f"/task_runs/{run_id}", "RUNNING")["status"] == "ACCEPT"
    set_state(api, f"/task_runs/{run_id}", "COMPLETED")
    assert held_slots(api, tag) == []
    api.post("/concurrency_limits/increment", json=body)
    freed = api.post("/concurrency_limits/decrement", json=body)
    assert freed.json() == [{"id": limit["id"], "name": f"tag:{tag}", "limit": 1}]
    assert held_slots(api, tag) == []


def test_a_reset_and_a_deletion_end_the_leases_of_a_tag(api: httpx.Client) -> None:
    """Who renews one is told that it is gone."""
    tag = unique("tag")
    made(api, "/concurrency_limits/", {"tag": tag, "concurrency_limit": 1})
    for call in (("POST", f"/concurrency_limits/tag/{tag}/reset"), ("DELETE", f"/concurrency_limits/tag/{tag}")):
        lease_id = lease(api, f"tag:{tag}")
        assert api.request(*call, json={}).status_code == 200
        assert renew(api, lease_id).status_code == 410


@pytest.mark.parametrize(("agent", "made_by_asking"), [("prefect/3.9.1 (API 0.8.4)", False), ("prefect/2.20.25", True)])
def test_names_without_a_limit_are_to_each_line_what_its_peer_makes_of_them(
    api: httpx.Client, agent: str, *, made_by_asking: bool
) -> None:
    """Clients of 2.x get a limit that limits nothing; those of 3.x are told that there is none."""
    name, headers = unique("missing"), {"User-Agent": agent}
    for way in ("increment", "decrement"):
        answer = api.post(f"{LIMITS}/{way}", json={"names": [name], "slots": 1}, headers=headers)
        assert len(answer.json()) == made_by_asking
        assert api.get(f"{LIMITS}/{name}").status_code == (200 if made_by_asking else 404)


def test_who_holds_a_limit_is_told(api: httpx.Client) -> None:
    """Each lease with its holder, its slots and its end; those that are given back are no longer there."""
    name, run_id = new_limit(api, limit=5), str(uuid4())
    first = lease(api, name, slots=2, lease_duration=600, holder={"type": "task_run", "id": run_id})
    second = lease(api, name, lease_duration=60)
    held = api.post(f"{LIMITS}/{name}/leases", json={}).json()
    assert [(x["lease_id"], x["slots"], x["holder"]) for x in held] == [
        (second, 1, None),
        (first, 2, {"type": "task_run", "id": run_id}),
    ]
    assert all(x["created"] < x["expiration"] for x in held)
    end(api, second)
    page = api.post(f"{LIMITS}/{name}/leases", json={"limit": 1}).json()
    assert [x["lease_id"] for x in page] == [first]
    assert api.post(f"{LIMITS}/{unique('none')}/leases", json={}).status_code == 404
