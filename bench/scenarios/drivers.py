"""The choice of a driver for PostgreSQL: batches of transitions, what they cost us and what they cost the database."""

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import asyncpg
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import await_only

from bench.context import Bench
from bench.drivers import DRIVERS, Driver, batch_of, make_runs
from bench.load import run as run_load
from bench.machine import ProcessTree
from bench.report import Row, Section

BATCHES = (1, 25, 50)
CONNECTIONS = (1, 2)
RUNS = 10_000
SHARE_OF_WINDOW = 0.25  # thirty cells: each takes a part of the measured seconds
STATEMENTS = 20_000


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one cell; CPU in microseconds a transition."""

    transitions_per_second: float
    own_cpu: float
    database_cpu: float


MEASURES: tuple[tuple[str, str, str, Literal["more", "less"]], ...] = (
    ("transitions", "1/s", "transitions_per_second", "more"),
    ("our CPU a transition", "µs", "own_cpu", "less"),
    ("PostgreSQL's CPU a transition", "µs", "database_cpu", "less"),
)


def run(bench: Bench) -> Section:
    """Three rows a driver and number of connections, a column a size of the batch; then the cost of the bridge."""
    section = Section("PostgreSQL drivers", bench.command("drivers"), tuple(f"batch of {n}" for n in BATCHES))
    seconds = bench.options.seconds * SHARE_OF_WINDOW
    for (name, driver), connections in itertools.product(DRIVERS.items(), CONNECTIONS):
        label = f"{name}, {connections} connection{'s' * (connections > 1)}"
        cells = [_cell(bench, driver, connections, batch, seconds) for batch in BATCHES]
        section.rows += [
            Row(f"{label}: {measure}", unit, tuple(getattr(cell, field) for cell in cells), better)
            for measure, unit, field, better in MEASURES
        ]
    with bench.database() as url:
        direct, bridged = run_load(_statement_costs(url))
    section.notes = [
        f"A transaction locks a batch of runs, reads them, inserts their new states and updates them; every commit is "
        f"synced. {seconds:g} s a cell; PostgreSQL on the server's cores.",
        f"An empty statement costs us {direct:.0f} µs of CPU by asyncpg, {bridged:.0f} µs through SQLAlchemy's bridge.",
    ]
    return section


def _cell(bench: Bench, driver: Callable[[], Driver], connections: int, batch: int, seconds: float) -> Figures:
    """The figures of batches of this size on so many connections, in a fresh database."""
    with bench.database() as url:
        drivers = [driver() for _ in range(connections)]
        return run_load(_measure(url, bench.postgres.processes(), drivers, batch, seconds))


async def _measure(url: str, database: ProcessTree, drivers: Sequence[Driver], batch: int, seconds: float) -> Figures:
    """Each driver with runs of its own."""
    ids = await make_runs(url, RUNS)
    for each in drivers:
        await each.open(url)
        await each.carry_out(batch_of(ids[:batch]))
    cpu, database_cpu, started = time.process_time(), database.cpu_seconds(), time.perf_counter()
    work = (_repeat(x, ids[n :: len(drivers)], batch, started + seconds) for n, x in enumerate(drivers))
    done = sum(await asyncio.gather(*work))
    elapsed = time.perf_counter() - started
    cpu, database_cpu = time.process_time() - cpu, database.cpu_seconds() - database_cpu
    for each in drivers:
        await each.close()
    return Figures(done / elapsed, cpu / done * 1e6, database_cpu / done * 1e6)


async def _repeat(driver: Driver, ids: list[str], batch: int, end: float) -> int:
    """Batches until the end; the number of transitions."""
    done = 0
    while time.perf_counter() < end:
        await driver.carry_out(batch_of([ids[(done + n) % len(ids)] for n in range(batch)]))
        done += batch
    return done


async def _statement_costs(url: str) -> tuple[float, float]:
    """Microseconds of CPU that a statement costs us: by the driver itself, and through the bridge."""
    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url))
    async with engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection

        def bridged(_: object) -> None:
            for _ in range(STATEMENTS):
                await_only(driver.fetch("SELECT 1"))

        await driver.fetch("SELECT 1")
        before = time.process_time()
        for _ in range(STATEMENTS):
            await driver.fetch("SELECT 1")
        between = time.process_time()
        await connection.run_sync(bridged)
        after = time.process_time()
    await engine.dispose()
    return (between - before) / STATEMENTS * 1e6, (after - between) / STATEMENTS * 1e6
