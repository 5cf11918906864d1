"""A PostgreSQL that is killed or restarted under load: the server says so, waits, and goes on where it was."""

import asyncio
from collections.abc import Callable
from random import Random

import pytest

from tests.crash.campaign import Plan, Totals, run_campaign
from tests.crash.probes import READS, READY, WRITES, wait_until
from tests.crash.servers import Server
from tests.postgres import PostgresServer


@pytest.mark.campaign
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("end", [PostgresServer.kill, PostgresServer.stop], ids=["killed", "restarted"])
async def test_killed_database(
    server: Server, postgres: PostgresServer, end: Callable[[PostgresServer], None], plan: Plan, totals: Totals
) -> None:
    """While PostgreSQL is gone every request is refused with 503 and a time to come back, /ready says so and /health
    stays well. Once it is back the server is too, without a restart, and all that was acknowledged is there."""

    async def strike(random: Random) -> None:
        await asyncio.to_thread(end, postgres)
        try:
            await wait_until(server, refused=[*WRITES, *READS, READY], served=[])
        finally:
            await asyncio.to_thread(postgres.start)
        await wait_until(server, refused=[], served=[READY])

    await run_campaign(plan, totals, [server], strike)
    await server.stop()
