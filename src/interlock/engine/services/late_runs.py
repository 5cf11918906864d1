"""Flow runs that nobody began in time: they are marked late.

What lives here: the state that such a run is given. What does not: which runs these are (storage/queries/overdue.py).
"""

import asyncio
from datetime import datetime, timedelta

from interlock.engine.batcher import Batcher
from interlock.engine.services import Service, moved
from interlock.orchestration.commands import SetFlowRunState
from interlock.orchestration.states import Proposal, StateDetails, StateType
from interlock.storage.queries import overdue
from interlock.storage.queries.overdue import Overdue

LATE = "Late"


def late_runs(after_seconds: float, every_seconds: float) -> Service:
    """Runs that were to begin more than `after_seconds` ago."""

    async def step(batcher: Batcher, now: datetime, limit: int) -> int:
        found = await batcher.write(overdue.late, now - timedelta(seconds=after_seconds), limit)
        marked = await asyncio.gather(*(moved(batcher, _mark(x)) for x in found))
        # Where none could be marked, the next look would find the same.
        return len(found) if any(marked) else 0

    return Service(name="late runs", every_seconds=every_seconds, batch=100, step=step)


def _mark(run: Overdue) -> SetFlowRunState:
    details = StateDetails(scheduled_time=run.time)
    proposal = Proposal(type=StateType.SCHEDULED, name=LATE, details=details)
    return SetFlowRunState(flow_run_id=run.flow_run_id, proposal=proposal, marking_late=True, only_from=run.state_id)
