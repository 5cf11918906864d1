"""One pass of the peer's scheduler, and a second one that finds nothing to do; prints the seconds of both as JSON.

Runs in the peer's own environment, on the database that its settings name: it imports nothing of ours.
"""

import asyncio
import json
import time

from prefect.server.services.scheduler import Scheduler


async def main() -> None:
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        await Scheduler().run_once()
        seconds.append(time.perf_counter() - started)
    print(json.dumps(seconds))


asyncio.run(main())
