"""Filling a database of Interlock with a demo. What does not live here: filling the peer's (fill_peer.py)."""

import asyncio
from datetime import datetime, timedelta

from interlock.cli.common import load_settings
from interlock.server import create_store
from interlock.settings import Settings
from interlock.storage.demo.fill import fill
from interlock.storage.demo.flow_runs import Demo

DAY = timedelta(days=1)
SEED = 2025


def demo(task_runs: int, base: datetime) -> Demo:
    """The task runs that are measured on: of the 24 hours before `base`, the same for both servers."""
    return Demo(task_runs, DAY, base, SEED)


def fill_interlock(url: str, wanted: Demo) -> None:
    """Store the demo in Interlock's database."""
    asyncio.run(_fill(load_settings(database_url=url), wanted))


async def _fill(settings: Settings, wanted: Demo) -> None:
    store = create_store(settings)
    await store.start()
    async for _ in fill(store, wanted):
        pass
    await store.close()
