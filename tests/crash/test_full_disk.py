"""A disk without room: writes are refused until there is room again, reads go on, and nothing is lost."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import psycopg
import pytest

from tests.crash.campaign import Plan, Totals, run_campaign
from tests.crash.disks import Disk, Quota, SmallDisk, needs_root, small_disk
from tests.crash.probes import LARGE_WRITE, READS, READY, WRITES, Question, wait_until
from tests.crash.servers import PATIENT, Server
from tests.postgres import PostgresServer, database_name

MEGABYTES = 64


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A small disk of this process's user."""
    with small_disk(tmp_path / "disk", MEGABYTES, owner=0) as disk:
        yield disk


@pytest.fixture
def postgres_disk(postgres: PostgresServer) -> Iterator[SmallDisk]:
    """A small disk of PostgreSQL's user."""
    with small_disk(postgres.folder / "disk", MEGABYTES, owner=postgres.folder.stat().st_uid) as disk:
        yield disk


async def fill_again_and_again(
    server: Server, disk: Disk, plan: Plan, totals: Totals, refused: Sequence[Question]
) -> None:
    """While there is no room these are refused and reads are served; once there is room again, the server needs no
    restart, and all that was acknowledged is there."""

    async def strike(random: Random) -> None:
        disk.fill()
        try:
            await wait_until(server, refused=refused, served=READS)
        finally:
            disk.free()
        await wait_until(server, refused=[], served=[READY])

    await run_campaign(plan, totals, [server], strike)
    await server.stop()


@pytest.mark.campaign
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_quota(server: Server, plan: Plan, totals: Totals) -> None:
    """The server's files may not grow."""
    await fill_again_and_again(server, Quota(server), plan, totals, refused=[*WRITES, READY])


@needs_root
@pytest.mark.campaign
async def test_full_disk(disk: SmallDisk, tmp_path: Path, plan: Plan, totals: Totals) -> None:
    """The disk with the SQLite file is full."""
    server = Server(f"sqlite:///{disk.folder / 'ledger.db'}", tmp_path / "server.log", settings=PATIENT)
    await server.start()
    try:
        await fill_again_and_again(server, disk, plan, totals, refused=[*WRITES, READY])
    finally:
        await server.close()


@needs_root
@pytest.mark.campaign
async def test_full_tablespace(
    postgres: PostgresServer, postgres_disk: SmallDisk, tmp_path: Path, plan: Plan, totals: Totals
) -> None:
    """The disk with PostgreSQL's tables is full."""
    database_url = postgres.create_database()
    with psycopg.connect(postgres.url, autocommit=True) as admin:
        admin.execute(f"CREATE TABLESPACE small LOCATION '{postgres_disk.folder}'")
        admin.execute(f"ALTER DATABASE {database_name(database_url)} SET TABLESPACE small")
        server = Server(database_url, tmp_path / "server.log", settings=PATIENT)
        await server.start()
        try:
            # What fits into the room that tables have left over is taken all the same.
            await fill_again_and_again(server, postgres_disk, plan, totals, refused=[LARGE_WRITE])
        finally:
            await server.close()
            postgres.drop_database(database_url)
            admin.execute("DROP TABLESPACE small")
