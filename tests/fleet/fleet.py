"""A fleet of server processes on one database, and clients that ask whichever of them.

What lives here: starting them, and asking. What does not: what must be answered (the tests).
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import psycopg

from tests.crash.servers import READY_SECONDS, Server, database_faults
from tests.crash.wire import Answer, Wire

T = TypeVar("T")

CLIENTS = 50


class Client:
    """One client: each of its requests goes to a server drawn anew, on a connection that is kept."""

    def __init__(self, ports: Sequence[int], random: Random) -> None:
        self._wires = [Wire(port) for port in ports]
        self._random = random

    async def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """One request and its answer, which is not that of a server in trouble."""
        answer = await self._random.choice(self._wires).ask(method, path, body)
        assert answer.status < 500, f"{method} {path}: {answer.status} {answer.body}"
        return answer

    async def post(self, path: str, body: Any) -> Any:
        """The body of the answer to a request that must be carried out."""
        answer = await self.ask("POST", path, body)
        assert answer.status in (200, 201), f"POST {path} {body}: {answer.status} {answer.body}"
        return answer.body

    async def get(self, path: str) -> Any:
        """What is at the path, which must exist."""
        answer = await self.ask("GET", path)
        assert answer.status == 200, f"GET {path}: {answer.status} {answer.body}"
        return answer.body

    async def close(self) -> None:
        for wire in self._wires:
            await wire.close()


class Fleet:
    """Servers on one database, all up, and clients of them."""

    def __init__(self, database_url: str, servers: Sequence[Server], random: Random) -> None:
        self.database_url = database_url
        self.servers = list(servers)
        self.random = random
        self.clients = [self.client() for _ in range(CLIENTS)]

    def client(self) -> Client:
        return Client([x.port for x in self.servers], self.random)

    async def running_flow_run(self) -> str:
        """The id of a new flow run that is RUNNING."""
        flow = await self.clients[0].post("/flows/", {"name": unique("flow")})
        run = await self.clients[0].post("/flow_runs/", {"flow_id": flow["id"], "state": {"type": "RUNNING"}})
        return str(run["id"])

    async def task_run(self, flow_run_id: str | None, **fields: Any) -> str:
        """The id of a new task run that is PENDING."""
        body = {"flow_run_id": flow_run_id, "task_key": "task", "dynamic_key": unique("key"), **fields}
        return str((await self.clients[0].post("/task_runs/", body))["id"])

    async def task_runs(self, flow_run_id: str | None, count: int, **fields: Any) -> list[str]:
        return [await self.task_run(flow_run_id, **fields) for _ in range(count)]

    async def states(self, task_run_id: str) -> list[Any]:
        """All states of a task run, the oldest first."""
        found: list[Any] = await self.clients[0].get(f"/task_run_states/?task_run_id={task_run_id}")
        return found


@asynccontextmanager
async def running_fleet(database_url: str, folder: Path, count: int, *options: str) -> AsyncIterator[Fleet]:
    """So many servers, started at the same moment. At the end they stop in order, and the ledger is as it must be."""
    seed = secrets.randbits(32)
    print(f"the clients draw from seed {seed}")
    servers = [Server(database_url, folder / f"server-{number}.log", *options) for number in range(count)]
    try:
        await asyncio.gather(*(x.start() for x in servers))
        fleet = Fleet(database_url, servers, Random(seed))
        yield fleet
        for client in fleet.clients:
            await client.close()
        for server in fleet.servers:
            await server.stop()
        assert await database_faults(database_url) == []
        assert await deadlocks(database_url) == 0
    finally:
        for server in servers:
            await server.close()


async def deadlocks(database_url: str) -> int:
    """How often PostgreSQL found transactions that waited for each other. Nobody else may be connected for long."""
    others = b"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    found = b"SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as conn:
        # Each connection reports what it saw when it ends, at the latest.
        async with asyncio.timeout(READY_SECONDS):
            while await (await conn.execute(others)).fetchone() != (0,):
                await asyncio.sleep(0.01)
        ((count,),) = await (await conn.execute(found)).fetchall()
        return int(count)


async def waiting_for_locks(conn: psycopg.AsyncConnection[Any], count: int) -> None:
    """Wait until so many others on the connection's database wait for a lock."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(READY_SECONDS):
        while await (await conn.execute(query)).fetchone() != (count,):
            # Within a transaction the first look would be shown again and again.
            await conn.execute("SELECT pg_stat_clear_snapshot()")
            await asyncio.sleep(0.01)


async def at_once(work: Iterable[Awaitable[T]]) -> list[T]:
    """All of it at the same time; the results in its order. What fails ends the rest."""

    async def done(item: Awaitable[T]) -> T:
        return await item

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(done(x)) for x in work]
    return [x.result() for x in tasks]


def unique(prefix: str) -> str:
    """A name that nothing else has."""
    return f"{prefix}-{secrets.token_hex(8)}"


def set_state(task_run_id: str, kind: str, **fields: Any) -> tuple[str, Any]:
    """Path and body of a request for a state of a task run; `force` among the fields forces it."""
    force = fields.pop("force", False)
    return f"/task_runs/{task_run_id}/set_state", {"state": {"type": kind, **fields}, "force": force}
