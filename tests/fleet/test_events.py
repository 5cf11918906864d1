"""What any server of a fleet takes, the clients of all of them hear: once, and no matter who else writes."""

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import uuid4

from websockets.asyncio.client import ClientConnection

from tests.crash.sockets import Socket
from tests.fleet.fleet import CLIENTS, Client, Fleet, at_once, unique

EVENTS_EACH = 10
SECONDS = 60


def sent(name: str) -> dict[str, Any]:
    resource = {"prefect.resource.id": "shop.1"}
    return {"id": str(uuid4()), "occurred": datetime.now(UTC).isoformat(), "event": name, "resource": resource}


async def listener(stack: AsyncExitStack, port: int, asked: dict[str, Any]) -> ClientConnection:
    """A client of the server at this port that hears what the filter asks for."""
    socket = Socket([port], "/events/out", Random())
    stack.push_async_callback(socket.close)
    return await socket.opened({"type": "filter", "filter": asked})


async def heard(connection: ClientConnection, wanted: set[str]) -> list[str]:
    """The ids of what comes, until all that is wanted has come."""
    found: list[str] = []
    async with asyncio.timeout(SECONDS):
        while not wanted <= set(found):
            found.append(json.loads(await connection.recv())["event"]["id"])
    return found


async def post_all(client: Client, events: list[dict[str, Any]]) -> None:
    """One after the other, each to whichever server."""
    for event in events:
        assert (await client.ask("POST", "/events", [event])).status == 204


async def test_listeners_of_every_server_hear_all_events_once(fleet: Fleet) -> None:
    """While many clients send them to all servers at the same time, and some listeners begin in the middle of it."""
    name = unique("event")
    events = [[sent(name) for _ in range(EVENTS_EACH)] for _ in range(CLIENTS)]
    ids = {x["id"] for own in events for x in own}
    asked = {"event": {"name": [name]}}
    async with AsyncExitStack() as stack:
        listeners = [await listener(stack, x.port, asked) for x in fleet.servers]
        halves = [(x[: EVENTS_EACH // 2], x[EVENTS_EACH // 2 :]) for x in events]
        await at_once(post_all(x, first) for x, (first, _) in zip(fleet.clients, halves, strict=True))
        async with asyncio.TaskGroup() as group:
            for client, (_, second) in zip(fleet.clients, halves, strict=True):
                group.create_task(post_all(client, second))
            listeners += [await listener(stack, x.port, asked) for x in fleet.servers]
            found = await at_once(heard(x, ids) for x in listeners)
    assert [sorted(x) for x in found] == [sorted(ids)] * len(listeners)


async def test_the_end_of_a_run_is_heard_wherever_it_was_decided(fleet: Fleet) -> None:
    """As a client does that waits for a flow run."""
    run_id = await fleet.running_flow_run()
    asked = {"resource": {"id": [f"prefect.flow-run.{run_id}"]}, "event": {"prefix": ["prefect.flow-run.Comp"]}}
    async with AsyncExitStack() as stack:
        listeners = [await listener(stack, x.port, asked) for x in fleet.servers]
        answer = await fleet.clients[0].post(f"/flow_runs/{run_id}/set_state", {"state": {"type": "COMPLETED"}})
        for x in listeners:
            assert await heard(x, {answer["state"]["id"]}) == [answer["state"]["id"]]
