"""Runs that were put into the queue by SQL are as good as any other."""

import asyncio
from pathlib import Path

from bench.fill_queue import TASKS, copy_runs, give_back, plant, task_key
from bench.http_client import Target
from bench.queue_load import measure_rate
from bench.servers import Storage
from interlock.server import create_store
from interlock.settings import Settings
from interlock.storage.invariants import Violation, violations
from interlock.storage.store import Store
from tests.conftest import FreshDatabase, LiveServer

COPIES = 10 * TASKS
SECONDS = 30


async def violations_of(store: Store) -> list[Violation]:
    await store.start()
    try:
        return await store.read(violations)
    finally:
        await store.close()


def test_copied_runs_break_no_invariant_and_are_delivered(
    database: str, fresh_database: FreshDatabase, tmp_path: Path
) -> None:
    """Also once more, when they were given back."""
    with fresh_database() as url:
        storage = Storage(tmp_path, url if database == "postgresql" else None)
        settings = Settings(database_url=storage.postgresql or f"sqlite:///{tmp_path / 'interlock.db'}")
        with LiveServer(settings) as server:
            asyncio.run(plant(Target.parse(server.url)))
        copy_runs(storage, COPIES)
        assert asyncio.run(violations_of(create_store(settings))) == []
        for _ in range(2):
            with LiveServer(settings) as server:
                waiting = COPIES // TASKS + 1
                work = measure_rate(Target.parse(server.url), task_key(3), 1, waiting + 1, SECONDS, {})
                report = asyncio.run(work)
            assert (report["delivered"], report["twice"]) == (waiting, 0)
            give_back(storage)
