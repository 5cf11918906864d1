"""The real application in this process, on a database that outlives it; where a database takes several, several.

What lives here: starting and stopping them, asking them, and looking at the database beside them. What does not: what
to ask (machine.py) and what must be answered (ledger.py).
"""

import asyncio
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import httpx
from sqlalchemy import Connection, delete, select

from interlock.server import create_store, running_app
from interlock.settings import Settings
from interlock.storage.invariants import Violation, violations
from interlock.storage.store import Write
from interlock.storage.tables import IS_WAITING, metadata, task_run_queue
from tests.conftest import FakeClock
from tests.model.calls import Call
from tests.model.wire import Answer

PAGE = 200
Request = tuple[str, str, Any]
"""Method, path and body."""


class Server:
    """The application, asked through ASGI: all but the socket."""

    def __init__(self, settings: Settings, clock: FakeClock) -> None:
        self._settings = settings
        self._clock = clock

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._client: asyncio.Future[httpx.AsyncClient] = loop.create_future()
        # A task of its own, so that the application ends in the task in which it began.
        self._life = loop.create_task(self._live())
        await asyncio.wait([self._life, self._client], return_when=asyncio.FIRST_COMPLETED)
        if self._life.done():
            self._life.result()

    async def _live(self) -> None:
        async with running_app(self._settings, self._clock) as app:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://model/api") as client:
                self._client.set_result(client)
                await self._stopping.wait()

    async def stop(self) -> None:
        self._stopping.set()
        await self._life

    async def send(self, method: str, path: str, body: Any) -> Answer:
        response = await self._client.result().request(method, path, json=body)
        return Answer(response.status_code, response.json() if response.content else None)


class Servers:
    """So many servers on one database, asked in turn. Within its context they run."""

    def __init__(self, settings: Settings, clock: FakeClock, count: int) -> None:
        self._servers = [Server(settings, clock) for _ in range(count)]
        self._turns = cycle(self._servers)
        self._runner = asyncio.Runner()
        self._beside = create_store(settings, clock)

    def __enter__(self) -> "Servers":
        for server in self._servers:
            self._runner.run(server.start())
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            self._runner.run(server.stop())
        self._runner.run(self._beside.close())
        self._runner.close()

    def restart(self) -> None:
        """Stop and start the server whose turn it is."""
        server = next(self._turns)
        self._runner.run(server.stop())
        self._runner.run(server.start())

    def empty(self) -> None:
        """Delete every record. Servers that keep no truth in memory need not know."""
        outcomes = self._runner.run(self._beside.commit([Write(_delete_all)]))
        assert outcomes == [None]
        self._turns = cycle(self._servers)

    def ask(self, calls: Sequence[Call]) -> list[Answer]:
        """Send all of these at once; the answers in their order."""
        return self._runner.run(self._at_once([(x.method, x.path, x.body) for x in calls]))

    async def _at_once(self, requests: Sequence[Request]) -> list[Answer]:
        return await asyncio.gather(*(next(self._turns).send(*x) for x in requests))

    def pages(self, *paths: str) -> list[Any]:
        """The first page of each of these lists."""
        return self._shown([("POST", path, {"limit": PAGE}) for path in paths])

    def at(self, paths: Sequence[str]) -> list[Any]:
        """What is at each of these paths."""
        return self._shown([("GET", path, None) for path in paths])

    def found(self, path: str, bodies: Sequence[Any]) -> list[Any]:
        """What each of these bodies finds at the path."""
        return self._shown([("POST", path, body) for body in bodies])

    def _shown(self, requests: Sequence[Request]) -> list[Any]:
        """One after another: this is about what is shown, not about many readers."""
        answers = [self._runner.run(next(self._turns).send(*x)) for x in requests]
        assert [x.status for x in answers] == [200] * len(requests), answers
        return [x.body for x in answers]

    def queue(self) -> dict[str, Any]:
        """The background runs that wait for a worker: when each is due, and whether it goes ahead of others."""
        return dict(self._runner.run(self._beside.read(_queue)))

    def violations(self) -> list[Violation]:
        """What is wrong with the ledger, by itself."""
        return list(self._runner.run(self._beside.read(violations)))


def _delete_all(conn: Connection) -> None:
    for table in reversed(metadata.sorted_tables):
        conn.execute(delete(table))


def _queue(conn: Connection) -> dict[str, Any]:
    columns = task_run_queue.c.task_run_id, task_run_queue.c.available, task_run_queue.c.front
    return {run_id: (available, front) for run_id, available, front in conn.execute(select(*columns).where(IS_WAITING))}
