"""Paused flow runs that nobody resumed in time: they fail.

What lives here: the state that such a run is given. What does not: which runs these are (storage/queries/overdue.py).
"""

import asyncio
from datetime import datetime

from interlock.engine.batcher import Batcher
from interlock.engine.services import NO_ID, Service, moved
from interlock.orchestration.commands import SetFlowRunState
from interlock.orchestration.states import Proposal, StateType
from interlock.storage.queries import overdue
from interlock.storage.queries.overdue import Overdue

NEVER_RESUMED = Proposal(type=StateType.FAILED, message="The flow was paused and never resumed.")


def pause_expirations(every_seconds: float) -> Service:
    """Looks at all paused runs, so many at a time: when their pauses end is told by their states alone."""

    async def step(batcher: Batcher, now: datetime, limit: int) -> int:
        place: str | None = NO_ID
        failed = 0
        while place is not None:
            found = await batcher.write(overdue.expired_pauses, place, now, limit)
            failed += sum(await asyncio.gather(*(moved(batcher, _fail(x)) for x in found.expired)))
            place = found.last
        return failed

    return Service(name="pause expirations", every_seconds=every_seconds, batch=100, step=step)


def _fail(run: Overdue) -> SetFlowRunState:
    return SetFlowRunState(flow_run_id=run.flow_run_id, proposal=NEVER_RESUMED, force=True, only_from=run.state_id)
