"""Routes for the runs that deployments are to have: those of their schedules, made on request, and those that a process
that serves deployments asks for.

What lives here: decode, make or find, encode. What does not: the scheduler, which makes runs by itself
(engine/services/scheduler.py).
"""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from msgspec.structs import replace

from interlock.api.context import ContextDep
from interlock.api.errors import json_response
from interlock.api.paging import Limit
from interlock.api.schemas.base import Id, Timestamp, WholeNumber
from interlock.api.schemas.flow_runs import FlowRunAnswer, encode_flow_run
from interlock.api.wire_route import WireRoute
from interlock.engine.scheduling import schedule_from
from interlock.orchestration.schedules import WrongScheduleError
from interlock.storage.queries import deployment_polls, scheduling

router = APIRouter(prefix="/deployments", tags=["Deployments"], route_class=WireRoute)

NOTED_FOR = timedelta(seconds=5)
"""A poll is noted if none was in this time. It is much less than the time after which a deployment is not ready."""


@router.post("/get_scheduled_flow_runs", response_model=list[FlowRunAnswer])
async def read_scheduled_flow_runs(
    deployment_ids: Annotated[list[Id], Body(description="The deployments that the caller serves.")],
    context: ContextDep,
    limit: Limit,
    scheduled_before: Annotated[Timestamp | None, Body(description="The latest time; all where none is given.")] = None,
) -> Any:
    """The runs of deployments that wait, in the order of their times. The deployments count as ready for a while."""
    now = context.clock()
    found = await context.store.read(deployment_polls.waiting, deployment_ids, scheduled_before, limit)
    if unnoted := await context.store.read(deployment_polls.unnoted, deployment_ids, now - NOTED_FOR):
        await context.batcher.write(deployment_polls.note_poll, unnoted, now)
    return json_response([encode_flow_run(x.run, now, x.pool) for x in found])


@router.post("/{id:uuid}/schedule")
async def schedule_deployment(
    id: Id,
    context: ContextDep,
    start_time: Annotated[Timestamp | None, Body(description="The earliest time, now where none is given.")] = None,
    end_time: Annotated[Timestamp | None, Body(description="The latest time.")] = None,
    min_time: Annotated[timedelta | None, Body(description="In seconds: at least so far from the start.")] = None,
    min_runs: Annotated[WholeNumber | None, Body(description="At least so many runs of each schedule.")] = None,
    max_runs: Annotated[WholeNumber | None, Body(description="At most so many runs of each schedule.")] = None,
) -> None:
    """Make the runs that the active schedules of a deployment have in a time, which may be past. None is made twice."""
    now, horizon = context.clock(), context.settings.horizon
    start = start_time or now
    wanted = replace(
        horizon,
        min_runs=horizon.min_runs if min_runs is None else min_runs,
        max_runs=horizon.max_runs if max_runs is None else max_runs,
        min_time=horizon.min_time if min_time is None else min_time,
        max_time=horizon.max_time if end_time is None else end_time - start,
    )
    sources = [x for x in await context.store.read(scheduling.of_deployment, id) if x.active]
    try:
        await schedule_from(context.batcher, sources, start, now, wanted, context.chance)
    except WrongScheduleError as error:
        raise HTTPException(422, f"Invalid schedule: {error}") from error
