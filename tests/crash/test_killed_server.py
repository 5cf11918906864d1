"""A server that is killed under load, again and again: nothing acknowledged is lost and nothing is half-written."""

import asyncio
from random import Random

import pytest

from tests.crash.campaign import Plan, Totals, run_campaign
from tests.crash.servers import Server, database_faults

START_SECONDS = 1.0
KILLS_WHILE_STARTING = 0.3


@pytest.mark.campaign
async def test_killed_server(server: Server, plan: Plan, totals: Totals) -> None:
    """After every SIGKILL the ledger is whole as it lies there, and once the server is back and every client has its
    answer, it says exactly what the clients were told."""

    async def strike(random: Random) -> None:
        await server.kill()
        totals.note(await database_faults(server.database_url))
        if random.random() < KILLS_WHILE_STARTING:
            await server.launch()
            await asyncio.sleep(random.uniform(0, START_SECONDS))
            await server.kill()
        await server.start()

    await run_campaign(plan, totals, [server], strike)
    await server.stop()
