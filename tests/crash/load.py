"""Many clients at once, which can be held back and let go on.

What lives here: their start and end, and the watch over the limits. What does not: what they do (walks.py, sockets.py).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import NoReturn

from tests.crash.caller import BrokenPromiseError, Caller, Gate, Tally
from tests.crash.client import Client
from tests.crash.journal import Journal, Run
from tests.crash.sockets import Teller, Worker
from tests.crash.walks import LIMITS, live

CLIENTS = 20
TELLERS = WORKERS = 3


class Load:
    """The load on the servers at these ports. It is held back until `resume`."""

    def __init__(self, ports: Sequence[int], seed: int) -> None:
        self.ports = ports
        self.journal = Journal()
        self.tally = Tally()
        self._gate = Gate()
        self._seed = seed

    def resume(self) -> None:
        """Let the clients go on. Those who share runs meet at new ones, so that none grows without end."""
        self.journal.era += 1
        self._gate.open()

    async def pause(self) -> None:
        """Hold the clients back, once each has the answer to what it asked."""
        await self._gate.shut()

    def caller(self, name: str) -> Caller:
        return Caller(self.ports, self._gate, self.tally, Random(f"{self._seed} {name}"))

    def client(self, name: str, flow_id: str) -> Client:
        random = Random(f"{self._seed} walks of {name}")
        return Client(name, flow_id, self.caller(name), self.journal, self.tally, random)

    def teller(self, name: str, flow_id: str) -> Teller:
        return Teller(self.client(name, flow_id), self._gate, self.ports)

    def worker(self, name: str, flow_id: str) -> Worker:
        return Worker(self.client(name, flow_id), self.ports)


@asynccontextmanager
async def load_on(ports: Sequence[int], seed: int, clients: int = CLIENTS) -> AsyncIterator[Load]:
    """A load, ready to be resumed. What a client must never be told ends the block with an ExceptionGroup."""
    load = Load(ports, seed)
    flow_id, meeting_place = await _prepare(load)
    crowd = [load.client(f"client-{number}", flow_id) for number in range(clients)]
    crowd_on_sockets = [
        *(load.teller(f"teller-{number}", flow_id) for number in range(TELLERS)),
        *(load.worker(f"worker-{number}", flow_id) for number in range(WORKERS)),
    ]
    watcher = load.caller("watcher")
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(live(client, meeting_place)) for client in crowd]
            tasks += [group.create_task(x.live()) for x in crowd_on_sockets]
            tasks.append(group.create_task(_watch_limits(watcher)))
            yield load
            for task in tasks:
                task.cancel()
    finally:
        for caller in (*crowd, *crowd_on_sockets, watcher):
            await caller.close()


async def _prepare(load: Load) -> tuple[str, Run]:
    """A flow, limits on the scarce tags, and a flow run in which clients share task runs."""
    caller = load.caller("preparation")
    load.resume()
    flow = await caller.call("POST", "/flows/", {"name": "crash"})
    for tag, slots in LIMITS.items():
        await caller.call("POST", "/concurrency_limits/", {"tag": tag, "concurrency_limit": slots})
    await caller.close()
    client = load.client("preparation", flow.body["id"])
    meeting_place = await client.create_flow_run()
    await client.set_state(meeting_place, "RUNNING")
    await client.close()
    await load.pause()
    return flow.body["id"], meeting_place


async def _watch_limits(caller: Caller) -> NoReturn:
    """At no moment more runs hold a limit's slots than there are."""
    while True:
        for tag, slots in LIMITS.items():
            limit = await caller.call("GET", f"/concurrency_limits/tag/{tag}")
            if len(limit.body["active_slots"]) > slots:
                raise BrokenPromiseError(f"{limit.body['active_slots']} hold the {slots} slots of {tag}")
