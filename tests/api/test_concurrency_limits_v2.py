"""Global concurrency limits over HTTP."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.conftest import LiveServer

LIMITS = "/v2/concurrency_limits"
Make = Callable[..., dict[str, Any]]


@pytest.fixture
def make(api: httpx.Client) -> Make:
    """Make a global limit, of two slots and under a new name unless told otherwise."""

    def made(**fields: Any) -> dict[str, Any]:
        answer = api.post(f"{LIMITS}/", json={"name": f"limit-{uuid4()}", "limit": 2, **fields})
        assert answer.status_code == 201, answer.text
        limit: dict[str, Any] = answer.json()
        return limit

    return made


def take(api: httpx.Client, *names: str, slots: int = 1, **fields: Any) -> httpx.Response:
    return api.post(f"{LIMITS}/increment", json={"names": names, "slots": slots, **fields})


def free(api: httpx.Client, *names: str, slots: int = 1, **fields: Any) -> httpx.Response:
    return api.post(f"{LIMITS}/decrement", json={"names": names, "slots": slots, **fields})


def held(api: httpx.Client, name: str) -> int:
    slots: int = api.get(f"{LIMITS}/{name}").json()["active_slots"]
    return slots


def test_a_limit_is_read_by_id_and_by_name(api: httpx.Client, make: Make) -> None:
    """Its creation tells everything; later only what clients look at."""
    made = make(slot_decay_per_second=0.5)
    assert made["avg_slot_occupancy_seconds"] == 2.0
    read = {x: made[x] for x in ("id", "created", "updated", "active", "name", "limit", "active_slots")}
    read |= {"slot_decay_per_second": 0.5}
    assert api.get(f"{LIMITS}/{made['id']}").json() == read
    assert api.get(f"{LIMITS}/{made['name']}").json() == read


def test_a_name_is_taken_once(api: httpx.Client, make: Make) -> None:
    """The second creation is 409, as is the renaming to it."""
    first, second = make(), make()
    assert api.post(f"{LIMITS}/", json={"name": first["name"], "limit": 1}).status_code == 409
    assert api.patch(f"{LIMITS}/{second['id']}", json={"name": first["name"]}).status_code == 409


def test_a_limit_is_changed_in_what_is_given(api: httpx.Client, make: Make) -> None:
    """By name or id; nothing given changes nothing, and what must be there can't be taken away."""
    limit = make()
    assert api.patch(f"{LIMITS}/{limit['name']}", json={"limit": 7, "active": False}).status_code == 204
    assert api.patch(f"{LIMITS}/{limit['id']}", json={}).status_code == 204
    changed = api.get(f"{LIMITS}/{limit['name']}").json()
    assert (changed["limit"], changed["active"], changed["active_slots"]) == (7, False, 0)
    assert api.patch(f"{LIMITS}/{limit['id']}", json={"limit": None}).status_code == 409
    assert api.patch(f"{LIMITS}/{limit['id']}", json={"limit": -1}).status_code == 422


def test_unknown_limits_are_404(api: httpx.Client, make: Make) -> None:
    """So are deleted ones."""
    limit = make()
    assert api.delete(f"{LIMITS}/{limit['name']}").status_code == 204
    for answer in (
        api.get(f"{LIMITS}/{limit['id']}"),
        api.get(f"{LIMITS}/{limit['name']}"),
        api.patch(f"{LIMITS}/{limit['name']}", json={"limit": 1}),
        api.delete(f"{LIMITS}/{limit['id']}"),
    ):
        assert (answer.status_code, answer.json()) == (404, {"detail": "Concurrency Limit not found"})


def test_limits_are_listed_by_name(api: httpx.Client, make: Make) -> None:
    """In pages."""
    make(name=f"b-{uuid4()}"), make(name=f"a-{uuid4()}")
    names = [x["name"] for x in api.post(f"{LIMITS}/filter", json={}).json()]
    assert names == sorted(names)
    page = api.post(f"{LIMITS}/filter", json={"limit": 1, "offset": 1}).json()
    assert [x["name"] for x in page] == [names[1]]


def test_slots_are_taken_and_given_back(api: httpx.Client, make: Make) -> None:
    """Each answer names the limits."""
    limit = make()
    named = [{"id": limit["id"], "name": limit["name"], "limit": 2}]
    assert take(api, limit["name"], slots=2).json() == named
    assert held(api, limit["name"]) == 2
    assert free(api, limit["name"], occupancy_seconds=3.0).json() == named
    assert held(api, limit["name"]) == 1


def test_a_full_limit_is_423_and_tells_when_to_come_back(api: httpx.Client, make: Make) -> None:
    """The more are waiting, the later."""
    name = make()["name"]
    take(api, name, slots=2)
    first, second = take(api, name), take(api, name)
    assert (first.status_code, first.json()) == (423, {"detail": "Locked"})
    assert (first.headers["Retry-After"], second.headers["Retry-After"]) == ("1.0", "2.0")
    assert held(api, name) == 2


def test_slots_are_taken_of_all_limits_or_of_none(api: httpx.Client, make: Make) -> None:
    """Also a limit that would be made is not."""
    full, open_, unknown = make()["name"], make()["name"], f"unknown-{uuid4()}"
    take(api, full, slots=2)
    assert take(api, open_, full, unknown).status_code == 423
    assert held(api, open_) == 0
    assert api.get(f"{LIMITS}/{unknown}").status_code == 404


def test_names_without_a_limit_are_not_limited(api: httpx.Client) -> None:
    """They get one that is not active."""
    name = f"unknown-{uuid4()}"
    for answer in (take(api, name, slots=5), free(api, name, slots=5)):
        assert [(x["name"], x["limit"]) for x in answer.json()] == [(name, 1)]
    limit = api.get(f"{LIMITS}/{name}").json()
    assert (limit["active"], limit["active_slots"]) == (False, 0)


def test_what_no_waiting_brings_is_422(api: httpx.Client, make: Make) -> None:
    """More slots than there are, or a rate where nothing decays."""
    name = make()["name"]
    assert take(api, name, slots=3).json() == {"detail": "Slots requested is greater than the limit"}
    refused = take(api, name, mode="rate_limit")
    assert refused.status_code == 422
    assert refused.json()["detail"].endswith(f"do not have a decay configured: '{name}'")


@pytest.mark.parametrize(
    "body", [{"slots": 0, "names": ["a"]}, {"slots": 1, "names": []}, {"slots": None, "names": ["a"]}, {"names": ["a"]}]
)
def test_requests_for_slots_are_checked(api: httpx.Client, body: dict[str, Any]) -> None:
    """At least one slot of at least one limit."""
    assert api.post(f"{LIMITS}/increment", json=body).status_code == 422
    assert api.post(f"{LIMITS}/decrement", json=body).status_code == 422


def test_many_at_once_never_get_more_slots_than_there_are(
    api: httpx.Client, live_server: LiveServer, make: Make
) -> None:
    """Of 60 requests for one of 7 slots, 7 succeed, and the rest is told to come back."""
    name = make(limit=7)["name"]
    answers = live_server.flood(f"{LIMITS}/increment", [{"names": [name], "slots": 1}] * 60)
    assert sorted(x.status_code for x in answers) == [200] * 7 + [423] * 53
    assert held(api, name) == 7
    live_server.flood(f"{LIMITS}/decrement", [{"names": [name], "slots": 1}] * 7)
    assert held(api, name) == 0


@pytest.mark.parametrize("change", [take, free])
def test_a_client_may_ask_that_no_limit_is_made(api: httpx.Client, change: Callable[..., httpx.Response]) -> None:
    """Of a name that has none."""
    name = f"none-{uuid4()}"
    answer = change(api, name, create_if_missing=False)
    assert (answer.status_code, answer.json()) == (200, [])
    assert api.get(f"{LIMITS}/{name}").status_code == 404
