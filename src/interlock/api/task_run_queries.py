"""Routes that find, count and sum up task runs by filters."""

from typing import Any

from fastapi import APIRouter

from interlock.api.context import ContextDep
from interlock.api.criteria import RunCriteria
from interlock.api.cursors import PageAnswer
from interlock.api.errors import json_response
from interlock.api.histories import RequestedIntervals, answer_history
from interlock.api.pages import TaskRunPage, TaskRunWalk
from interlock.api.schemas.history import HistoryAnswer
from interlock.api.schemas.task_runs import TaskRunAnswer, encode_task_run
from interlock.api.wire_route import WireRoute
from interlock.storage.queries import runs_filter
from interlock.storage.tables import task_runs

router = APIRouter(prefix="/task_runs", tags=["Task Runs"], route_class=WireRoute)


@router.post("/filter", response_model=list[TaskRunAnswer])
async def read_task_runs(context: ContextDep, page: TaskRunPage, criteria: RunCriteria) -> Any:
    """Task runs that filters ask for."""
    criterion = criteria.of_task_runs()
    found = await context.store.read(runs_filter.task_run_page, criterion, page.order, page.limit, page.offset)
    now = context.clock()
    return json_response([encode_task_run(x, now) for x in found])


@router.post("/page", response_model=PageAnswer[TaskRunAnswer])
async def read_task_runs_by_cursor(context: ContextDep, walk: TaskRunWalk, criteria: RunCriteria) -> Any:
    """Task runs that filters ask for, page after page: each request brings the `next_cursor` of the last answer."""
    criterion = criteria.of_task_runs()
    found = await context.store.read(runs_filter.task_run_leg, criterion, walk.order, walk.limit, walk.after)
    now = context.clock()
    return json_response(walk.answer([encode_task_run(x, now) for x in found.items], found.end))


@router.post("/count")
async def count_task_runs(context: ContextDep, criteria: RunCriteria) -> int:
    """How many task runs filters ask for."""
    return await context.store.read(runs_filter.count, task_runs, criteria.of_task_runs())


@router.post("/history", response_model=list[HistoryAnswer])
async def read_task_run_history(context: ContextDep, intervals: RequestedIntervals, criteria: RunCriteria) -> Any:
    """How many task runs that filters ask for are in which state, by when they were expected to start."""
    return await answer_history(context, task_runs, criteria.of_task_runs(), intervals)
