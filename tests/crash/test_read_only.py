"""A database that can be read and not written: reads are served, writes are refused until it takes them again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import psycopg
import pytest

from tests.crash.campaign import Plan, Totals, run_campaign
from tests.crash.disks import needs_root, read_only
from tests.crash.probes import READS, READY, WRITES, wait_until
from tests.crash.servers import Server
from tests.postgres import PostgresServer, database_name


def sqlite_files(server: Server) -> list[Path]:
    """The database file and its write-ahead log."""
    path = Path(server.database_url.removeprefix("sqlite:///"))
    return [path, path.with_name(f"{path.name}-wal")]


@contextmanager
def without_writes(postgres: PostgresServer, database_url: str) -> Iterator[None]:
    """The database takes no writes, as after a failover that made a standby of it, and those who write are cut off."""
    name = database_name(database_url)
    cut_off = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    with psycopg.connect(postgres.url, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        admin.execute(cut_off, [name])
        try:
            yield
        finally:
            admin.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")


@needs_root
@pytest.mark.campaign
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_read_only_file(server: Server, plan: Plan, totals: Totals) -> None:
    """The files can't be written any more, though they are open; and then they can."""

    async def strike(random: Random) -> None:
        with read_only(*sqlite_files(server)):
            await wait_until(server, refused=[*WRITES, READY], served=READS)
        await wait_until(server, refused=[], served=[READY])

    await run_campaign(plan, totals, [server], strike)
    await server.stop()


@pytest.mark.campaign
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_killed_and_read_only_file(server: Server, plan: Plan, totals: Totals) -> None:
    """The file can't be written when the server starts again after a crash: it starts, and serves what can be read."""

    async def strike(random: Random) -> None:
        await server.kill()
        with read_only(sqlite_files(server)[0]):
            await server.start()
            await wait_until(server, refused=[*WRITES, READY], served=READS)
        await wait_until(server, refused=[], served=[READY])

    await run_campaign(plan, totals, [server], strike)
    await server.stop()


@pytest.mark.campaign
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_read_only_database(server: Server, postgres: PostgresServer, plan: Plan, totals: Totals) -> None:
    """PostgreSQL takes no writes, and then it does."""

    async def strike(random: Random) -> None:
        with without_writes(postgres, server.database_url):
            await wait_until(server, refused=[*WRITES, READY], served=READS)
        await wait_until(server, refused=[], served=[READY])

    await run_campaign(plan, totals, [server], strike)
    await server.stop()
