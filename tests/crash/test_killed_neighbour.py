"""Several servers on one PostgreSQL, one of which is killed under load: the others go on, and nothing is lost."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from tests.crash.campaign import Plan, Totals, run_campaign
from tests.crash.probes import READS, READY, wait_until
from tests.crash.servers import Server

SERVERS = 3


@pytest.fixture
async def fleet(ledger_url: str, tmp_path: Path) -> AsyncIterator[list[Server]]:
    """Servers on one database, started at the same moment."""
    fleet = [Server(ledger_url, tmp_path / f"server-{number}.log") for number in range(SERVERS)]
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
        answered = totals.tally.answered
        async with asyncio.timeout(60):
            while totals.tally.answered < answered + 200:
                await asyncio.sleep(0.01)
        await victim.start()

    await run_campaign(plan, totals, fleet, strike)
    for server in fleet:
        await server.stop()
