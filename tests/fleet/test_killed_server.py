"""A server that is killed while it has work in hand keeps nobody from theirs."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from tests.crash.servers import Server
from tests.crash.wire import Answer, NoAnswerError, Wire
from tests.databases import PostgresDatabases
from tests.fleet.fleet import Client, Fleet, at_once, running_fleet, set_state, unique, waiting_for_locks
from tests.fleet.slots import Holdings, Walker, assert_as_acknowledged, sampled

LIMIT = 4
WALKERS = 24
RUNS_EACH = 3
HOLDINGS_BEFORE_THE_KILL = 20


@pytest.fixture
async def fleet(postgres_databases: PostgresDatabases, tmp_path: Path) -> AsyncIterator[Fleet]:
    """Three servers, of which one will not live to see the end."""
    url = postgres_databases.create()
    async with running_fleet(url, tmp_path, 3) as fleet:
        yield fleet
    postgres_databases.drop(url)


async def _kill(fleet: Fleet, victim: Server) -> None:
    fleet.servers.remove(victim)
    await victim.kill()
    for client in fleet.clients:
        await client.close()
    fleet.clients = [fleet.client() for _ in fleet.clients]


class Loyal:
    """A client that stays with one server until that does not answer, and then asks the next one the same."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._wires = deque(Wire(port) for port in ports)

    async def ask(self, method: str, path: str, body: Any) -> Answer:
        try:
            answer = await self._wires[0].ask(method, path, body)
        except NoAnswerError:
            self._wires.rotate()
            answer = await self._wires[0].ask(method, path, body)
        assert answer.status < 500, f"{method} {path}: {answer.status} {answer.body}"
        return answer

    async def close(self) -> None:
        for wire in self._wires:
            await wire.close()


async def test_its_clients_go_on_with_the_others(fleet: Fleet) -> None:
    """Who sends again what it did not answer is answered by the next server: no transition is lost or made twice, and
    no slot is lost or given twice."""
    tag = unique("tag")
    await fleet.clients[0].post("/concurrency_limits/", {"tag": tag, "concurrency_limit": LIMIT})
    flow_run_id = await fleet.running_flow_run()
    holdings = Holdings()
    ports = [x.port for x in fleet.servers]
    clients = [Loyal(ports[i % 3 :] + ports[: i % 3]) for i in range(WALKERS)]
    walkers = [Walker(x.ask, holdings, Random(i)) for i, x in enumerate(clients)]
    runs = [await fleet.task_runs(flow_run_id, RUNS_EACH, tags=[tag]) for _ in walkers]

    async def walk(walker: Walker, task_run_ids: list[str]) -> None:
        for task_run_id in task_run_ids:
            await walker.run(task_run_id, (tag,))

    async def kill_in_the_midst() -> None:
        while holdings.count < HOLDINGS_BEFORE_THE_KILL:
            await asyncio.sleep(0.001)
        await _kill(fleet, fleet.servers[0])

    async with sampled(fleet.database_url) as sampler:
        await at_once([kill_in_the_midst(), *(walk(*x) for x in zip(walkers, runs, strict=True))])

    assert sampler.most[tag] == LIMIT
    assert holdings.most(tag) <= LIMIT
    assert (await fleet.clients[0].get(f"/concurrency_limits/tag/{tag}"))["active_slots"] == []
    await assert_as_acknowledged(fleet, walkers)
    await at_once(x.close() for x in clients)


async def test_the_locks_it_held_go_with_it(fleet: Fleet) -> None:
    """It is killed between its locks and its commit: nothing of that is done, and others do it at once."""
    victim, other = fleet.servers[0], fleet.servers[1]
    tag = unique("tag")
    await fleet.clients[0].post("/concurrency_limits/", {"tag": tag, "concurrency_limit": 1})
    flow_run_id = await fleet.running_flow_run()
    limited, free = await fleet.task_run(flow_run_id, tags=[tag]), await fleet.task_run(flow_run_id)
    client = Client([other.port], fleet.random)
    async with await psycopg.AsyncConnection.connect(fleet.database_url) as conn:
        await conn.execute("SELECT id FROM concurrency_limits_v2 WHERE name = %s FOR UPDATE", [f"tag:{tag}"])
        stuck = asyncio.create_task(Wire(victim.port).ask("POST", *set_state(limited, "RUNNING")))
        await waiting_for_locks(conn, 1)
        await _kill(fleet, victim)
        with pytest.raises(NoAnswerError):
            await stuck
        assert (await client.post(*set_state(free, "RUNNING")))["status"] == "ACCEPT"
    assert (await client.post(*set_state(limited, "RUNNING")))["status"] == "ACCEPT"
    assert [x["type"] for x in await fleet.states(limited)] == ["PENDING", "RUNNING"]
    assert (await client.get(f"/concurrency_limits/tag/{tag}"))["active_slots"] == [limited]
    await client.close()
