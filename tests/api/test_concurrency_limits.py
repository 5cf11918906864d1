"""Concurrency limits of tags over HTTP."""

from uuid import uuid4

import httpx
import pytest


@pytest.fixture
def tag() -> str:
    return f"tag-{uuid4()}"


def test_a_limit_is_made_and_read_by_id_and_tag(api: httpx.Client, tag: str) -> None:
    """With nobody holding its slots."""
    made = api.post("/concurrency_limits/", json={"tag": tag, "concurrency_limit": 2})
    assert made.status_code == 200
    limit = made.json()
    assert (limit["tag"], limit["concurrency_limit"], limit["active_slots"]) == (tag, 2, [])
    assert api.get(f"/concurrency_limits/{limit['id']}").json() == limit
    assert api.get(f"/concurrency_limits/tag/{tag}").json() == limit


def test_a_changed_limit_keeps_its_holders(api: httpx.Client, tag: str) -> None:
    """To create it again is to change it."""
    first = api.post("/concurrency_limits/", json={"tag": tag, "concurrency_limit": 2}).json()
    holders = sorted([str(uuid4()), str(uuid4())])
    api.post(f"/concurrency_limits/tag/{tag}/reset", json={"slot_override": holders})
    second = api.post("/concurrency_limits/", json={"tag": tag, "concurrency_limit": 1}).json()
    assert (second["id"], second["created"]) == (first["id"], first["created"])
    assert (second["concurrency_limit"], second["active_slots"]) == (1, holders)


def test_task_runs_take_and_free_slots(api: httpx.Client, tag: str) -> None:
    """A running task run with the tag is a holder until it is done, and the next one waits for it."""
    api.post("/concurrency_limits/", json={"tag": tag, "concurrency_limit": 1})
    flow = api.post("/flows/", json={"name": tag}).json()
    flow_run = api.post("/flow_runs/", json={"flow_id": flow["id"], "state": {"type": "RUNNING"}}).json()
    first, second = (
        api.post(
            "/task_runs/",
            json={"flow_run_id": flow_run["id"], "task_key": "t", "dynamic_key": str(i), "tags": [tag]},
        ).json()["id"]
        for i in range(2)
    )

    def status(run: str, state: str) -> str:
        answer = api.post(f"/task_runs/{run}/set_state", json={"state": {"type": state}})
        return str(answer.json()["status"])

    assert status(first, "RUNNING") == "ACCEPT"
    assert api.get(f"/concurrency_limits/tag/{tag}").json()["active_slots"] == [first]
    assert status(second, "RUNNING") == "WAIT"
    assert status(first, "COMPLETED") == "ACCEPT"
    assert api.get(f"/concurrency_limits/tag/{tag}").json()["active_slots"] == []
    assert status(second, "RUNNING") == "ACCEPT"


@pytest.mark.parametrize("body", [{}, {"slot_override": None}, {"slot_override": []}, None])
def test_a_reset_frees_all_slots(api: httpx.Client, tag: str, body: dict[str, None] | None) -> None:
    """Unless it names who is to hold them."""
    api.post("/concurrency_limits/", json={"tag": tag, "concurrency_limit": 2})
    reset = f"/concurrency_limits/tag/{tag}/reset"
    api.post(reset, json={"slot_override": [str(uuid4())]})
    answer = api.post(reset) if body is None else api.post(reset, json=body)
    assert (answer.status_code, answer.json()) == (200, None)
    assert api.get(f"/concurrency_limits/tag/{tag}").json()["active_slots"] == []


def test_limits_are_listed_by_tag(api: httpx.Client, tag: str) -> None:
    """In pages."""
    for name in (f"{tag}-b", f"{tag}-a"):
        api.post("/concurrency_limits/", json={"tag": name, "concurrency_limit": 1})
    tags = [x["tag"] for x in api.post("/concurrency_limits/filter", json={}).json()]
    assert tags == sorted(tags)
    assert {f"{tag}-a", f"{tag}-b"} <= set(tags)
    assert [x["tag"] for x in api.post("/concurrency_limits/filter", json={"limit": 1, "offset": 1}).json()] == [
        tags[1]
    ]


def test_a_deleted_limit_is_gone(api: httpx.Client, tag: str) -> None:
    """By tag or by id, and only once."""
    for path in ("/concurrency_limits/{id}", "/concurrency_limits/tag/{tag}"):
        limit = api.post("/concurrency_limits/", json={"tag": tag, "concurrency_limit": 2}).json()
        answer = api.delete(path.format(**limit))
        assert (answer.status_code, answer.json()) == (200, None)
        for again in (api.delete(path.format(**limit)), api.get(path.format(**limit))):
            assert (again.status_code, again.json()) == (404, {"detail": "Concurrency limit not found"})
    assert api.post(f"/concurrency_limits/tag/{tag}/reset", json={}).status_code == 404


def test_numbers_are_taken_as_older_clients_write_them(api: httpx.Client, tag: str) -> None:
    """As text, with a fraction, or as a flag; but not beyond what can be kept."""
    for written, kept in (("3", 3), (4.9, 4), (True, 1)):
        answer = api.post("/concurrency_limits/", json={"tag": tag, "concurrency_limit": written})
        assert answer.json()["concurrency_limit"] == kept
    for refused in ("3.5", 2**63, 1e30, None, []):
        answer = api.post("/concurrency_limits/", json={"tag": tag, "concurrency_limit": refused})
        assert answer.status_code == 422
