"""Background services: what the server does of its own accord, once across all servers on a database.

What lives here: the loop that does a service's work from time to time. What does not: the work itself (one module a
service) and who the leader is (the store).
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import msgspec
import structlog
from sqlalchemy import Connection

from interlock.engine.batcher import Batcher
from interlock.engine.overload import OverloadedError
from interlock.orchestration.commands import SetFlowRunState, SetTaskRunState
from interlock.orchestration.refusals import Refusal
from interlock.storage.store import StoreUnavailableError

log = structlog.get_logger("interlock.services")


NO_ID = "00000000-0000-0000-0000-000000000000"
"""Before all ids: where a walk by them begins."""

Step = Callable[[Batcher, datetime, int], Awaitable[int]]


class Service(msgspec.Struct, frozen=True):
    """Work to be done from time to time, in small steps so that no step holds up other writes.

    `step` does some of it, for the time given, and returns how many records it saw to; `batch` is the most that one
    step sees to: as long as there are so many, the next step follows at once. After that there is none for
    `every_seconds`.
    """

    name: str
    every_seconds: float
    batch: int
    step: Step


class Tally(msgspec.Struct):
    """What services did since this process began, by their names: how many records they saw to, and how often they
    failed or had to be put off."""

    records: Counter[str] = msgspec.field(default_factory=Counter)
    failures: Counter[str] = msgspec.field(default_factory=Counter)


def in_one_write(function: Callable[[Connection, datetime, int], int]) -> Step:
    """A step that is a transaction."""
    return lambda batcher, now, limit: batcher.write(function, now, limit)


async def moved(batcher: Batcher, command: SetTaskRunState | SetFlowRunState) -> bool:
    """Have a run moved that was found a moment ago; tells whether it was. It may have moved on, or be gone."""
    try:
        return (await batcher.decide(command)).written
    except Refusal:
        return False


async def run_services(
    services: Sequence[Service], batcher: Batcher, clock: Callable[[], datetime], tally: Tally
) -> None:
    """Do the work of all services until cancelled. What fails is logged, and done again at its next time."""
    async with asyncio.TaskGroup() as group:
        for service in services:
            group.create_task(_run(service, batcher, clock, tally))


async def _run(service: Service, batcher: Batcher, clock: Callable[[], datetime], tally: Tally) -> None:
    while True:
        try:
            await _work_off(service, batcher, clock, tally)
        except (StoreUnavailableError, OverloadedError) as error:
            tally.failures[service.name] += 1
            log.warning("service put off", service=service.name, reason=str(error))
        except Exception as error:
            tally.failures[service.name] += 1
            log.error("service failed", service=service.name, exc_info=error)
        await asyncio.sleep(service.every_seconds)


async def _work_off(service: Service, batcher: Batcher, clock: Callable[[], datetime], tally: Tally) -> None:
    total, done = 0, service.batch
    while done == service.batch:
        done = await service.step(batcher, clock(), service.batch)
        tally.records[service.name] += done
        total += done
    if total:
        log.info("service worked", service=service.name, records=total)
