"""One pass of Interlock's scheduler, and a second one that finds nothing to do; prints the seconds of both as JSON.

`python -m bench.scheduler_pass URL` works on the database at this URL, without a server.
"""

import asyncio
import json
import sys
import time

from interlock.cli.common import load_settings
from interlock.engine.batcher import Batcher
from interlock.engine.services.scheduler import scheduler
from interlock.server import CHANCE, create_store, utc_now


async def passes(url: str) -> list[float]:
    settings = load_settings(database_url=url)
    store = create_store(settings)
    await store.start()
    service = scheduler(settings.horizon, settings.scheduler_recent_seconds, CHANCE)
    batcher, seconds = Batcher(store), []
    for _ in range(2):
        started = time.perf_counter()
        while await service.step(batcher, utc_now(), service.batch) == service.batch:
            pass
        seconds.append(time.perf_counter() - started)
    await store.close()
    return seconds


if __name__ == "__main__":
    print(json.dumps(asyncio.run(passes(sys.argv[1]))))
