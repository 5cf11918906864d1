"""Background task runs that a worker took and that nobody goes on with: they are scheduled once more.

What lives here: the state that such a run is given. What does not: which runs these are (storage/queries/
task_queue.py).
"""

import asyncio
from datetime import datetime, timedelta

from interlock.engine.batcher import Batcher
from interlock.engine.services import Service, moved
from interlock.orchestration.commands import SetTaskRunState
from interlock.orchestration.states import Proposal, StateDetails, StateType
from interlock.storage.queries import task_queue
from interlock.storage.queries.task_queue import Stuck


def stuck_task_runs(pending_seconds: float, grace_seconds: float) -> Service:
    """Runs that are PENDING for longer than `pending_seconds`; and runs that should have been retried `grace_seconds`
    ago by a worker that is gone."""

    async def step(batcher: Batcher, now: datetime, limit: int) -> int:
        pending_before, due_before = now - timedelta(seconds=pending_seconds), now - timedelta(seconds=grace_seconds)
        found = await batcher.write(task_queue.stuck, pending_before, due_before, limit)
        outcomes = await asyncio.gather(*(_reschedule(batcher, x, now) for x in found))
        return sum(outcomes)

    return Service(name="stuck task runs", every_seconds=5, batch=100, step=step)


async def _reschedule(batcher: Batcher, stuck: Stuck, now: datetime) -> bool:
    """Schedule the run for now, with its parameters, unless it has moved on; tells whether it did not."""
    before = stuck.state if stuck.state.type == StateType.SCHEDULED else None
    first = stuck.scheduled.details if stuck.scheduled is not None else StateDetails()
    proposal = Proposal(
        type=StateType.SCHEDULED,
        name=None if before is None else before.name,
        message=None if before is None else before.message,
        details=StateDetails(scheduled_time=now, task_parameters_id=first.task_parameters_id, deferred=first.deferred),
    )
    return await moved(
        batcher, SetTaskRunState(task_run_id=stuck.task_run_id, proposal=proposal, only_from=stuck.state.id)
    )
