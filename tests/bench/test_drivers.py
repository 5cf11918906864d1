"""Every driver that is compared does the whole of the same work, on a real PostgreSQL that is gone afterwards."""

import asyncio
from collections.abc import Callable, Iterator

import psycopg
import pytest

from bench.drivers import DRIVERS, Driver, batch_of, make_runs
from bench.postgres import Postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres(None) as postgres:
        yield postgres


async def carried_out(url: str, driver: Driver, count: int) -> list[str]:
    ids = (await make_runs(url, count + 1))[:count]
    await driver.open(url)
    await driver.carry_out(batch_of(ids))
    await driver.close()
    return ids


@pytest.mark.parametrize("driver", DRIVERS.values(), ids=DRIVERS)
@pytest.mark.parametrize("count", [1, 25])
def test_the_runs_of_a_batch_have_their_new_state_and_no_others(
    postgres: Postgres, driver: Callable[[], Driver], count: int
) -> None:
    url = postgres.create_database()
    ids = asyncio.run(carried_out(url, driver(), count))
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT run.id::text FROM run JOIN state ON state.id = run.state_id AND state.run_id = run.id"
            " WHERE run.state_type = 'RUNNING' AND state.type = 'RUNNING' AND run.start_time = state.timestamp"
        ).fetchall()
        states = connection.execute("SELECT count(*) FROM state").fetchone()
    assert sorted(run_id for (run_id,) in found) == sorted(ids)
    assert states == (count,)


def test_it_syncs_every_commit_as_it_does_by_default(postgres: Postgres) -> None:
    with psycopg.connect(postgres.create_database()) as connection:
        settings = [connection.execute(f"SHOW {x}").fetchone() for x in ("fsync", "synchronous_commit")]
    assert settings == [("on",), ("on",)]


def test_what_its_processes_used_only_grows_whoever_left(postgres: Postgres) -> None:
    processes = postgres.processes()
    before = processes.cpu_seconds()
    with psycopg.connect(postgres.url("postgres")) as connection:
        connection.execute("SELECT sum(n) FROM generate_series(1, 2000000) AS n")
    assert processes.cpu_seconds() > before + 0.01


def test_nothing_of_it_is_left() -> None:
    with Postgres(None) as postgres:
        assert postgres.processes().resident_mib()[0] > 0
    assert not postgres.folder.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres.url("postgres"))
