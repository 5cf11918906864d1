"""One of several servers, or workers, on one PostgreSQL is killed under load: the others go on, and nothing is lost."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import psutil
import pytest

from tests.crash.campaign import Plan, Totals, run_campaign
from tests.crash.probes import READS, READY, wait_until
from tests.crash.servers import PATIENT, Server

SERVERS = 3
WORKERS = 2
ANSWERS = 200


@pytest.fixture
async def fleet(ledger_url: str, tmp_path: Path) -> AsyncIterator[list[Server]]:
    """Servers on one database, started at the same moment."""
    fleet = [Server(ledger_url, tmp_path / f"server-{number}.log", settings=PATIENT) for number in range(SERVERS)]
    try:
        await asyncio.gather(*(server.start() for server in fleet))
        yield fleet
    finally:
        for server in fleet:
            await server.close()


@pytest.mark.campaign
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_killed_neighbour(fleet: list[Server], plan: Plan, totals: Totals) -> None:
    """What a server had under way when it was killed holds up nobody: the others serve all requests, also those that
    it leaves unanswered."""

    async def strike(random: Random) -> None:
        victim, *others = random.sample(fleet, len(fleet))
        await victim.kill()
        for server in others:
            await wait_until(server, refused=[], served=[READY, *READS])
        await work_goes_on(totals)
        await victim.start()

    await run_campaign(plan, totals, fleet, strike)
    for server in fleet:
        await server.stop()


@pytest.mark.campaign
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_killed_worker(ledger_url: str, tmp_path: Path, plan: Plan, totals: Totals) -> None:
    """The workers of one server do the same for each other, and the one that is gone is replaced."""
    server = Server(ledger_url, tmp_path / "server.log", "--workers", str(WORKERS), settings=PATIENT)

    async def strike(random: Random) -> None:
        random.choice(workers(server)).kill()
        await work_goes_on(totals)

    try:
        await server.start()
        await run_campaign(plan, totals, [server], strike)
        await server.stop()
    finally:
        await server.close()


def workers(server: Server) -> list[psutil.Process]:
    """The processes that serve."""
    return [x for x in psutil.Process(server.pid).children() if "spawn_main" in " ".join(x.cmdline())]


async def work_goes_on(totals: Totals) -> None:
    """Wait until so many more requests have been answered that all clients must be served."""
    enough = totals.tally.answered + ANSWERS
    async with asyncio.timeout(60):
        while totals.tally.answered < enough:
            await asyncio.sleep(0.01)
