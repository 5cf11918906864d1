"""The scheduler: schedules of deployments make their runs ahead of time.

What lives here: when it looks, and at which schedules. What does not: what they are to make (orchestration/
scheduling.py), and how that is made (engine/scheduling.py).

Each schedule says when it is due, so that a look costs nothing where none is. One that was changed is due at once.
"""

from datetime import datetime

from interlock.engine.batcher import Batcher
from interlock.engine.scheduling import schedule_due
from interlock.engine.services import Service
from interlock.orchestration.facts import Chance
from interlock.orchestration.scheduling import Horizon
from interlock.storage.queries import scheduling


def scheduler(horizon: Horizon, every_seconds: float, chance: Chance) -> Service:
    """Looks for schedules that are due, or were changed, every so many seconds."""

    async def step(batcher: Batcher, now: datetime, limit: int) -> int:
        due = await batcher.write(scheduling.due, now, limit)
        await schedule_due(batcher, due, now, horizon, chance)
        return len(due)

    return Service(name="scheduler", every_seconds=every_seconds, batch=100, step=step)
