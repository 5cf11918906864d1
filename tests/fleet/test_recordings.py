"""States that clients tell of are kept once, though a client tells several servers, and in any order."""

from random import Random
from typing import Any
from uuid import uuid4

from tests.events import a_life
from tests.fleet.fleet import Client, Fleet, at_once, set_state

RUNS = 10
CLIENTS = 12
AT_ONCE = 8


async def _tell_all(client: Client, events: list[Any]) -> None:
    """In requests of some events, as a client sends again what it is not sure of."""
    for first in range(0, len(events), AT_ONCE):
        answer = await client.ask("POST", "/events", events[first : first + AT_ONCE])
        assert answer.status == 204, answer.body


async def _assert_kept_once(fleet: Fleet, run_ids: list[str]) -> None:
    for run_id in run_ids:
        assert [x["type"] for x in await fleet.states(run_id)] == ["PENDING", "RUNNING", "COMPLETED"]
        run = await fleet.clients[0].get(f"/task_runs/{run_id}")
        assert (run["state_type"], run["run_count"], run["total_run_time"]) == ("COMPLETED", 1, 1.0)


async def test_new_runs(fleet: Fleet) -> None:
    """Which each server makes when it hears of them first."""
    flow_run_id = await fleet.running_flow_run()
    run_ids = [str(uuid4()) for _ in range(RUNS)]
    events = [x for run_id in run_ids for x in a_life(run_id, flow_run_id)]
    orders = [Random(number).sample(events, len(events)) for number in range(CLIENTS)]
    await at_once(_tell_all(x, order) for x, order in zip(fleet.clients, orders, strict=False))
    await _assert_kept_once(fleet, run_ids)


async def test_runs_that_requests_move_as_well(fleet: Fleet) -> None:
    """What is told is kept, whatever the rules make of the requests in between."""
    flow_run_id = await fleet.running_flow_run()
    run_ids = await fleet.task_runs(flow_run_id, RUNS)
    events = [x for run_id in run_ids for x in a_life(run_id, flow_run_id)]
    moves = [set_state(run_id, kind) for run_id in run_ids for kind in ("RUNNING", "COMPLETED")]
    orders = [Random(number).sample(events, len(events)) for number in range(CLIENTS)]
    await at_once(
        [
            *(_tell_all(x, order) for x, order in zip(fleet.clients, orders, strict=False)),
            *(x.ask("POST", *move) for x, move in zip(fleet.clients[CLIENTS:], moves, strict=False)),
        ]
    )
    told = {x["id"] for x in events}
    for run_id in run_ids:
        assert len([x for x in await fleet.states(run_id) if x["id"] in told]) == 3
