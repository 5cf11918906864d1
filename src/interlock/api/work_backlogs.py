"""The route that shows what waits in work queues, for people to look at.

What lives here: the answer. What does not: what workers are offered (work_polls.py).
"""

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import RowMapping

from interlock.api.context import ContextDep
from interlock.api.schemas.base import Answer, Id, Timestamp
from interlock.api.schemas.work_pools import WorkPoolStatus
from interlock.api.wire_route import WireRoute
from interlock.storage.queries import work_backlogs

MOST_QUEUES = 200

router = APIRouter(route_class=WireRoute)


class WorkBacklogAnswer(Answer):
    id: Id = Field(description="The work queue's.")
    name: str
    work_pool_name: str
    is_paused: bool = Field(description="Whether the queue is, or its pool.")
    status: WorkPoolStatus | None = Field(description="READY while anybody polls the queue.")
    last_polled: Timestamp | None
    concurrency_limit: int | None
    due: int = Field(description="Runs that wait for a worker.")
    delayed: int = Field(description="Runs that are scheduled for later.")
    busy: int = Field(description="Runs that are PENDING or RUNNING.")
    oldest_age: float | None = Field(description="For how many seconds the run is overdue that has waited longest.")


@router.get("/flow_runs/queues", tags=["Flow Runs"], response_model=list[WorkBacklogAnswer])
async def read_work_backlogs(context: ContextDep) -> list[WorkBacklogAnswer]:
    """What waits in work queues: those that have runs waiting or under way, most waiting first, at most 200."""
    now = context.clock()
    return [_answer(x, now) for x in await context.store.read(work_backlogs.of_all, now, MOST_QUEUES)]


def _answer(queue: RowMapping, now: datetime) -> WorkBacklogAnswer:
    values = dict(queue)
    values["is_paused"] = values["is_paused"] or values.pop("pool_is_paused")
    oldest = values.pop("oldest")
    values["oldest_age"] = None if oldest is None else (now - oldest).total_seconds()
    return WorkBacklogAnswer.model_validate(values)
