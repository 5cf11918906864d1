"""Each record is created once, though many clients create it at the same moment through different servers."""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from tests.fleet.fleet import Client, Fleet, at_once, unique

KEYS = 6

Created = tuple[int, str | None]
"""Status and id."""


async def _create_all(client: Client, path: str, bodies: dict[str, Any], order: list[str]) -> dict[str, Created]:
    found = {}
    for key in order:
        answer = await client.ask("POST", path, bodies[key])
        found[key] = answer.status, answer.body.get("id")
    return found


async def _assert_created_once(fleet: Fleet, path: str, body_of: Callable[[str], Any]) -> None:
    """Every client creates every record, each in an order of its own, so that servers meet in every order."""
    bodies = {key: body_of(key) for key in (unique("key") for _ in range(KEYS))}
    orders = [Random(number).sample(list(bodies), KEYS) for number in range(len(fleet.clients))]
    found = await at_once(_create_all(x, path, bodies, y) for x, y in zip(fleet.clients, orders, strict=True))
    for key in bodies:
        statuses = Counter(x[key][0] for x in found)
        assert statuses == {201: 1, 200: len(found) - 1}
        assert len({x[key][1] for x in found}) == 1


async def test_task_runs_of_a_flow_run(fleet: Fleet) -> None:
    """By flow run, task key and dynamic key."""
    flow_run_id = await fleet.running_flow_run()
    keys = {"flow_run_id": flow_run_id, "task_key": "task"}
    await _assert_created_once(fleet, "/task_runs/", lambda key: {**keys, "dynamic_key": key})


async def test_background_task_runs(fleet: Fleet) -> None:
    """By task key and dynamic key."""
    state = {"type": "SCHEDULED"}
    await _assert_created_once(
        fleet, "/task_runs/", lambda key: {"task_key": "background", "dynamic_key": key, "state": state}
    )


async def test_flow_runs(fleet: Fleet) -> None:
    """By flow and idempotency key."""
    flow = await fleet.clients[0].post("/flows/", {"name": unique("flow")})
    await _assert_created_once(fleet, "/flow_runs/", lambda key: {"flow_id": flow["id"], "idempotency_key": key})


async def test_flows(fleet: Fleet) -> None:
    """By name."""
    await _assert_created_once(fleet, "/flows/", lambda key: {"name": key})


async def test_a_tag_has_one_limit(fleet: Fleet) -> None:
    """Whoever else limits it at the same moment changes that one."""
    tag = unique("tag")
    limits = await at_once(
        x.post("/concurrency_limits/", {"tag": tag, "concurrency_limit": i}) for i, x in enumerate(fleet.clients)
    )
    kept = await fleet.clients[0].get(f"/concurrency_limits/tag/{tag}")
    assert {x["id"] for x in limits} == {kept["id"]}


async def test_an_id_goes_to_one_run(fleet: Fleet) -> None:
    """Under whose keys it is not is told so."""
    flow_run_id = await fleet.running_flow_run()
    run_id = await fleet.task_run(flow_run_id)
    await fleet.clients[0].ask("DELETE", f"/task_runs/{run_id}")
    keys = {"id": run_id, "flow_run_id": flow_run_id, "task_key": "task"}
    answers = await at_once(
        x.ask("POST", "/task_runs/", {**keys, "dynamic_key": f"{i}"}) for i, x in enumerate(fleet.clients)
    )
    assert Counter(x.status for x in answers) == {201: 1, 409: len(answers) - 1}
