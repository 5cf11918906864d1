"""Runs of schedules, made in transactions of their own: for the scheduler, and for those who ask for a deployment's.

What lives here: the way from a plan to its runs. What does not: the plan (orchestration/scheduling.py) and the
transaction (storage/queries/scheduling.py).
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import structlog

from interlock.engine.batcher import Batcher
from interlock.engine.names import generated_name
from interlock.engine.overload import OverloadedError
from interlock.orchestration.facts import Chance
from interlock.orchestration.schedules import WrongScheduleError
from interlock.orchestration.scheduling import Horizon, Source, backfill, creation, plan
from interlock.storage.queries import scheduling
from interlock.storage.queries.scheduling import Planned
from interlock.storage.store import StoreUnavailableError

log = structlog.get_logger("interlock.services")

RUNS_AT_ONCE = 200
"""About so many runs are made in one transaction. Others wait meanwhile, some 40 ms on the embedded database."""


async def schedule_due(
    batcher: Batcher, due: Sequence[Source], now: datetime, horizon: Horizon, chance: Chance
) -> None:
    """Make what schedules are to make by now. One that can't be served is logged and put off; it stops no other."""
    # In a thread: the times of some schedules take long to tell.
    planned = await asyncio.to_thread(lambda: [_planned(x, now, horizon, chance) for x in due])
    for some in _portions(planned):
        try:
            await batcher.write(scheduling.make, some, now, chance)
        except (StoreUnavailableError, OverloadedError):
            raise
        except Exception:
            await _make_one_by_one(batcher, some, now, horizon, chance)


async def _make_one_by_one(
    batcher: Batcher, planned: Sequence[Planned], now: datetime, horizon: Horizon, chance: Chance
) -> None:
    for one in planned:
        try:
            await batcher.write(scheduling.make, [one], now, chance)
        except (StoreUnavailableError, OverloadedError):
            raise
        except Exception as error:
            _tell(one.source, error)
            await batcher.write(scheduling.put_off, one.source, now + horizon.pause)


def _planned(source: Source, now: datetime, horizon: Horizon, chance: Chance) -> Planned:
    try:
        wanted = plan(source, now, horizon)
    except WrongScheduleError as error:
        _tell(source, error)
        return Planned(source, (), source.made, now + horizon.pause)
    creations = tuple(creation(source, x, now, chance.new_id, generated_name) for x in wanted.times)
    return Planned(source, creations, wanted.made, wanted.due)


def _tell(source: Source, error: Exception) -> None:
    log.error("schedule failed", deployment=source.deployment_id, schedule=source.id, reason=str(error))


async def schedule_from(
    batcher: Batcher, sources: Iterable[Source], start: datetime, now: datetime, horizon: Horizon, chance: Chance
) -> None:
    """Make the runs of schedules that are on from `start` on, which may be long ago. Raises WrongScheduleError."""

    def planned() -> list[Planned]:
        found = [(x, y) for x in sources for y in backfill(x, start, horizon)]
        return [Planned(x, (creation(x, y, now, chance.new_id, generated_name),)) for x, y in found]

    for some in _portions(await asyncio.to_thread(planned)):
        await batcher.write(scheduling.make, some, now, chance)


def _portions(planned: Iterable[Planned]) -> Iterator[list[Planned]]:
    """The plans in portions of about so many runs."""
    portion: list[Planned] = []
    runs = 0
    for one in planned:
        portion.append(one)
        runs += len(one.creations)
        if runs >= RUNS_AT_ONCE:
            yield portion
            portion, runs = [], 0
    if portion:
        yield portion
