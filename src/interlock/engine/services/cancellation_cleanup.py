"""Task runs and subflows that go on though their flow run was cancelled: they are cancelled too.

What lives here: when it is looked for them, and the states that they are given. What does not: which they are (storage/
queries/cancellation.py).
"""

import asyncio
from datetime import datetime, timedelta

from interlock.engine.batcher import Batcher
from interlock.engine.services import NO_ID, Service, moved
from interlock.orchestration.commands import SetFlowRunState, SetTaskRunState
from interlock.orchestration.states import Proposal, StateType
from interlock.storage.queries import cancellation
from interlock.storage.queries.cancellation import Place, Unfinished
from interlock.storage.types import EPOCH

MESSAGE = "The parent flow run was cancelled."
CANCELLED = Proposal(type=StateType.CANCELLED, message=MESSAGE)
CANCELLING = Proposal(type=StateType.CANCELLING, message=MESSAGE)

LOOKS_BACK = timedelta(days=1)
"""Whoever leads anew looks at the flow runs that were cancelled in this time."""

LOOKS_AGAIN = timedelta(hours=1)
"""And then at those that were cancelled since the last look or within this time before it: it may be late that a client
tells of what its tasks do."""


def cancellation_cleanup(every_seconds: float) -> Service:
    """Cancels what goes on in flow runs that were cancelled of late, and subflows of any."""
    return Service(name="cancellation cleanup", every_seconds=every_seconds, batch=50, step=_Cleanup().step)


class _Cleanup:
    """Remembers when it looked: whoever leads anew begins anew."""

    def __init__(self) -> None:
        self._looked: datetime | None = None

    async def step(self, batcher: Batcher, now: datetime, limit: int) -> int:
        """Look at all once, at so many at a time; returns how many runs were cancelled."""
        since = now - LOOKS_BACK if self._looked is None else self._looked - LOOKS_AGAIN
        done = await _cancel_subflows(batcher, limit) + await _cancel_task_runs(batcher, since, limit)
        self._looked = now
        return done


async def _cancel_subflows(batcher: Batcher, limit: int) -> int:
    place: Place | None = Place(EPOCH, NO_ID)
    done = 0
    while place is not None:
        found = await batcher.write(cancellation.orphaned_subflows, place, limit)
        done += sum(await asyncio.gather(*(moved(batcher, _end_subflow(x)) for x in found.orphaned)))
        place = found.last
    return done


def _end_subflow(run: Unfinished) -> SetFlowRunState:
    """One with a deployment has a worker that has to end it."""
    proposal = CANCELLING if run.deployment_id else CANCELLED
    return SetFlowRunState(flow_run_id=run.id, proposal=proposal, only_from=run.state_id)


async def _cancel_task_runs(batcher: Batcher, since: datetime, limit: int) -> int:
    place, done = Place(since, NO_ID), 0
    while found := await batcher.write(cancellation.cancelled, place, limit):
        done += await _cancel_in(batcher, [x.id for x in found], limit)
        place = found[-1]
    return done


async def _cancel_in(batcher: Batcher, flow_run_ids: list[str], limit: int) -> int:
    """Cancel all task runs of these flow runs that go on."""
    done = 0
    while found := await batcher.write(cancellation.unfinished_task_runs, flow_run_ids, limit):
        cancelled = sum(await asyncio.gather(*(moved(batcher, _end_task_run(x)) for x in found)))
        if not cancelled:
            break
        done += cancelled
    return done


def _end_task_run(run: Unfinished) -> SetTaskRunState:
    return SetTaskRunState(task_run_id=run.id, proposal=CANCELLED, force=True, only_from=run.state_id)
