"""Global concurrency: slots shared by tasks, a rate limit, and what goes wrong; prints when each slot was held."""

import asyncio
import json
import sys
import time
from typing import Any

from prefect import flow, get_client, task
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.concurrency.asyncio import concurrency as async_concurrency
from prefect.concurrency.sync import concurrency, rate_limit

WORD = sys.argv[1]
SLOTS, RATE = f"slots-{WORD}", f"rate-{WORD}"


@task
def hold(number: int) -> tuple[float, float]:
    """Hold one slot for a moment; return the start and the end."""
    with concurrency(SLOTS, occupy=1):
        start = time.time()
        time.sleep(0.2)
        return start, time.time()


@flow(name=f"global-limits-{WORD}")
def holders() -> list[tuple[float, float]]:
    """More tasks at once than there are slots."""
    return [future.result() for future in hold.map(list(range(5)))]


@flow(name=f"rate-limits-{WORD}")
def rated() -> list[tuple[float, float]]:
    """Pass the rate limit again and again; return when each pass was asked for and when it was given."""
    passes = []
    for _ in range(4):
        asked = time.time()
        rate_limit(RATE)
        passes.append((asked, time.time()))
    return passes


@flow(name=f"async-limits-{WORD}")
async def async_holders() -> int:
    """Occupy every slot of a limit at once."""
    async with async_concurrency([SLOTS], occupy=2), get_client() as client:
        return (await client.read_global_concurrency_limit_by_name(SLOTS)).active_slots


def error_of(call: Any) -> str:
    """What entering a context raises."""
    try:
        with call():
            return "nothing"
    except Exception as error:
        return f"{type(error).__name__} from {error.__cause__}"


async def create_limits() -> None:
    """Two slots that are held, and one that comes back twice a second."""
    async with get_client() as client:
        await client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=SLOTS, limit=2))
        await client.create_global_concurrency_limit(
            GlobalConcurrencyLimitCreate(name=RATE, limit=1, slot_decay_per_second=2.0)
        )


def main() -> None:
    """Run everything and report."""
    asyncio.run(create_limits())
    report = {
        "held": holders(),
        "rated": rated(),
        "active": asyncio.run(async_holders()),
        "too_many": error_of(lambda: concurrency(SLOTS, occupy=3)),
        "no_decay": error_of(lambda: rate_limit(SLOTS)),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
