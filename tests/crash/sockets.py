"""Clients on websockets, which come back to whichever server there is: those that tell of states by events, and workers
that are given background task runs.

What lives here: the connections, and what is kept of what was confirmed on them. What does not: what workers do with
their runs (walks.py).
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import Sequence
from random import Random
from typing import Any, NoReturn
from uuid import UUID

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from tests.crash.caller import PATIENCE_SECONDS, BrokenPromiseError, Gate
from tests.crash.client import Client
from tests.crash.journal import Run, Write
from tests.crash.walks import QUEUED, work_on
from tests.events import a_life

LOST = (OSError, EOFError, TimeoutError, WebSocketException)
"""What a client meets that loses its server, or finds none."""

UNACKNOWLEDGED_SHARE, UNBEGUN_SHARE = 0.1, 0.1
"""So many runs are given to a worker that goes before it acknowledges, or does not begin what it acknowledged."""


class Socket:
    """A connection to one of the servers at these ports, opened where there is none. What is lost raises one of LOST,
    and is to be dropped."""

    def __init__(self, ports: Sequence[int], path: str, random: Random) -> None:
        self._ports = deque(random.sample(ports, len(ports)))
        self._path = path
        self._random = random
        self._connection: ClientConnection | None = None

    async def opened(self, *greetings: Any) -> ClientConnection:
        """The connection; on a new one the client is let in, and says its greetings."""
        if self._connection is None:
            url = f"ws://127.0.0.1:{self._ports[0]}/api{self._path}"
            self._connection = await connect(url, subprotocols=[Subprotocol("prefect")], ping_interval=None)
            await self._connection.send(json.dumps({"type": "auth", "token": None}))
            answer = json.loads(await self._connection.recv())
            if answer != {"type": "auth_success"}:
                raise BrokenPromiseError(f"{self._path}: {answer}")
            for greeting in greetings:
                await self._connection.send(json.dumps(greeting))
        return self._connection

    async def drop(self) -> None:
        """Leave this connection; the next is to the next server, and soon."""
        await self.close()
        self._ports.rotate()
        await asyncio.sleep(self._random.uniform(0.01, 0.1))

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # Without a word, as one that dies goes.
            connection.transport.abort()
            await connection.wait_closed()


class Teller:
    """Tells of the states of one run after another, and tells again until a ping after them is answered."""

    def __init__(self, client: Client, gate: Gate, ports: Sequence[int]) -> None:
        self._client = client
        self._gate = gate
        self._socket = Socket(ports, "/events/in", client.random)

    async def live(self) -> NoReturn:
        """Never ends; raises BrokenPromiseError where nothing is confirmed for long."""
        while True:
            run_id = str(UUID(int=self._client.random.getrandbits(128), version=4))
            events = a_life(run_id, None)
            async with self._gate.passed():
                sent = self._client.journal.tick()
                await self._confirmed(events)
                self._note(run_id, [x["id"] for x in events], sent)

    async def _confirmed(self, events: list[Any]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                socket = await self._socket.opened()
                for event in events:
                    await socket.send(json.dumps(event))
                await (await socket.ping())
                return
            except LOST as error:
                if time.monotonic() > deadline:
                    raise BrokenPromiseError(f"no event is confirmed in {PATIENCE_SECONDS} s: {error!r}") from error
                await self._socket.drop()

    def _note(self, run_id: str, state_ids: list[str], sent: int) -> None:
        """The run has these states, each once and in this order. Nothing but its client moves it."""
        first, *others = state_ids
        run = Run("task_runs", run_id, first)
        for state_id in others:
            run.writes.append(Write(state_id, sent, self._client.journal.tick(), made=True, state_id=state_id))
            sent = self._client.journal.tick()
        self._client.journal.add(run)
        self._client.tally.acknowledged["event"] += len(state_ids)

    async def close(self) -> None:
        await self._socket.close()
        await self._client.close()


class Worker:
    """Is given background task runs, and runs them: most of them. `client` asks for their states."""

    def __init__(self, client: Client, ports: Sequence[int]) -> None:
        self._client = client
        self._random = client.random
        self._socket = Socket(ports, "/task_runs/subscriptions/scheduled", client.random)

    async def live(self) -> NoReturn:
        """Never ends."""
        while True:
            try:
                socket = await self._socket.opened({"type": "subscribe", "keys": [QUEUED]})
                run_id = json.loads(await socket.recv())["id"]
                if self._random.random() < UNACKNOWLEDGED_SHARE:
                    await self._socket.drop()
                    continue
                await socket.send(json.dumps({"type": "ack"}))
            except LOST:
                await self._socket.drop()
                continue
            self._client.tally.acknowledged["receipt"] += 1
            await self._work_on(run_id)

    async def _work_on(self, run_id: str) -> None:
        """Run it, unless it was begun before, or is left for good."""
        journal = self._client.journal
        while run_id not in journal.runs:
            # Whoever created it has yet to be told.
            await asyncio.sleep(0.01)
        run = journal.runs[run_id]
        if run not in journal.taken and self._random.random() >= UNBEGUN_SHARE:
            journal.taken.add(run)
            await work_on(self._client, run)

    async def close(self) -> None:
        await self._socket.close()
        await self._client.close()
