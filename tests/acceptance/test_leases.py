"""Slots that clients of the 3.x line hold by leases: of tags, of global limits, and of clients that are killed."""

import json
import re
from typing import Any

import pytest

from tests.crash.servers import Server
from tests.databases import Databases

from .api import Api
from .client import INTERPRETER_3, Client, wait_until
from .command_line import cells
from .streams import url_of
from .test_concurrency import most_at_once

LIMIT, TASKS = 3, 20

EXPIRE_ALL = "UPDATE concurrency_leases SET created = created - (expires - created), expires = created"
"""As if all that time had passed since they were taken."""


@pytest.fixture(scope="module")
def tagged(client_3: Client, word: str) -> Any:
    """What `flows/leased_tags.py` saw."""
    return client_3.script("leased_tags", f"leased-{word}", str(LIMIT), str(TASKS))


def test_tasks_of_a_limited_tag_never_run_beyond_the_limit(tagged: Any) -> None:
    """Neither by what the tasks saw nor by what the server told them."""
    assert len(tagged["held"]) == TASKS
    assert most_at_once([(start, end) for _, start, end, _ in tagged["held"]]) <= LIMIT
    assert max(known for *_, known in tagged["held"]) <= LIMIT


def test_all_of_them_complete_and_no_slot_is_left(tagged: Any, api: Api, word: str) -> None:
    """Their states come by events, which may still be under way."""
    wait_until(lambda: api.state_counts(tagged["id"]) == {"Completed": TASKS}, "all task runs are completed", 30)
    limit = api.get(f"/concurrency_limits/tag/leased-{word}")
    assert (limit["concurrency_limit"], limit["active_slots"]) == (LIMIT, [])
    assert api.get(f"/v2/concurrency_limits/tag:leased-{word}")["active_slots"] == 0


@pytest.fixture(scope="module")
def contexts(client_3: Client, word: str) -> Any:
    """What `flows/global_limits.py` saw in a client of this line."""
    return client_3.script("global_limits", word)


def test_slots_in_a_context_are_never_held_by_more_than_the_limit_allows(contexts: Any, api: Api, word: str) -> None:
    """And come back when it ends."""
    assert len(contexts["held"]) == 5
    assert most_at_once(contexts["held"]) <= 2
    assert contexts["active"] == 2
    assert api.get(f"/v2/concurrency_limits/slots-{word}")["active_slots"] == 0


def test_a_rate_limit_lets_nobody_pass_faster_than_its_slots_come_back(contexts: Any) -> None:
    """One slot, half a second, four passes."""
    (first_asked, _), *_, (_, last_given) = contexts["rated"]
    assert len(contexts["rated"]) == 4
    assert last_given - first_asked >= 3 * 0.5


def test_what_can_never_be_given_is_an_error_with_its_reason(contexts: Any, word: str) -> None:
    """More than there is, and a rate of a limit without one."""
    assert contexts["too_many"].startswith("ConcurrencySlotAcquisitionError from Client error '422")
    assert contexts["no_decay"].startswith("ConcurrencySlotAcquisitionError from Client error '422")


async def test_a_killed_client_loses_its_slots_when_its_lease_expires(
    server: Server, databases: Databases, tmp_path: Any
) -> None:
    """Not before, for nobody knows that it is dead; and then at once, with no one having to free them."""
    home = tmp_path / "home"
    home.mkdir()
    client, api = Client(url_of(server), home, INTERPRETER_3), Api(url_of(server))
    api.post("/v2/concurrency_limits/", {"name": "killed", "limit": 2})
    holder = client.start_script("lease_holder", "killed", "2")
    wait_until(lambda: holder.assert_running() or "held" in holder.stdout.read_text(), "the client holds the slots")
    holder.kill()
    assert api.get("/v2/concurrency_limits/killed")["active_slots"] == 2
    client.start_script("lease_taker", "killed", "1").finish().expect(1)
    databases.rows(server.database_url, EXPIRE_ALL)
    assert api.get("/v2/concurrency_limits/killed")["active_slots"] == 0
    assert client.script("lease_taker", "killed", "2") == 2
    api.http.close()
    client.close()


def test_concurrency_limit_commands_keep_a_limit(client_3: Client, api: Api, word: str) -> None:
    """Its slots, which a lease holds, are shown and freed."""
    tag, run_id = f"tag-{word}", "00000000-0000-7000-8000-00000000feed"

    def prefect(*arguments: str, exit_code: int = 0) -> str:
        return client_3.prefect("concurrency-limit", *arguments).expect(exit_code).stdout

    prefect("create", tag, "3")
    limit = api.get(f"/concurrency_limits/tag/{tag}")
    holder = {"holder": {"type": "task_run", "id": run_id}}
    api.post("/v2/concurrency_limits/increment-with-lease", {"names": [f"tag:{tag}"], "slots": 1} | holder)
    assert [tag, limit["id"], "3", "1"] in [row[:4] for row in cells(prefect("ls", "--limit", "100"))]
    prefect("create", tag, "5")
    shown = json.loads(prefect("inspect", tag, "--output", "json"))
    assert (shown["id"], shown["concurrency_limit"], shown["active_slots"]) == (limit["id"], 5, [run_id])
    assert run_id in prefect("inspect", tag)
    prefect("reset", tag)
    assert api.get(f"/concurrency_limits/tag/{tag}")["active_slots"] == []
    prefect("delete", tag)
    assert "No concurrency limit found" in prefect("inspect", tag, exit_code=1)


def test_global_concurrency_limit_commands_keep_a_limit(client_3: Client, api: Api, word: str) -> None:
    """What they set is what the server has."""
    name = f"global-{word}"

    def prefect(*arguments: str, exit_code: int = 0) -> str:
        return client_3.prefect("global-concurrency-limit", *arguments).expect(exit_code).stdout

    prefect("create", name, "--limit", "3", "--slot-decay-per-second", "0.5")
    prefect("update", name, "--limit", "9", "--slot-decay-per-second", "0")
    api.post("/v2/concurrency_limits/increment-with-lease", {"names": [name], "slots": 4})
    shown = json.loads(prefect("inspect", name, "--output", "json"))
    assert (shown["limit"], shown["active_slots"], shown["active"]) == (9, 4, True)
    assert any(re.search(rf"{name}\b.*\b9\b.*\b4\b", line) for line in prefect("ls").splitlines())
    prefect("update", name, "--active-slots", "0")
    assert api.get(f"/v2/concurrency_limits/{name}")["active_slots"] == 0
    prefect("disable", name)
    assert api.get(f"/v2/concurrency_limits/{name}")["active"] is False
    prefect("delete", name)
    assert "not found" in prefect("inspect", name, exit_code=1)
