"""Routes that find, count and sum up flow runs by filters."""

from typing import Any

from fastapi import APIRouter

from interlock.api.context import ContextDep
from interlock.api.criteria import PoolQueueCriteria, QueueCriteria
from interlock.api.cursors import PageAnswer
from interlock.api.errors import json_response
from interlock.api.histories import RequestedIntervals, answer_history
from interlock.api.pages import FlowRunPage, FlowRunWalk
from interlock.api.schemas.flow_runs import FlowRunAnswer, encode_flow_run
from interlock.api.schemas.history import HistoryAnswer
from interlock.api.wire_route import WireRoute
from interlock.storage.queries import history, runs_filter
from interlock.storage.tables import flow_runs

router = APIRouter(prefix="/flow_runs", tags=["Flow Runs"], route_class=WireRoute)


@router.post("/filter", response_model=list[FlowRunAnswer])
async def read_flow_runs(context: ContextDep, page: FlowRunPage, criteria: PoolQueueCriteria) -> Any:
    """Flow runs that filters ask for."""
    criterion = criteria.of_flow_runs()
    found = await context.store.read(runs_filter.flow_run_page, criterion, page.order, page.limit, page.offset)
    now = context.clock()
    return json_response([encode_flow_run(x.run, now, x.pool) for x in found])


@router.post("/page", response_model=PageAnswer[FlowRunAnswer])
async def read_flow_runs_by_cursor(context: ContextDep, walk: FlowRunWalk, criteria: PoolQueueCriteria) -> Any:
    """Flow runs that filters ask for, page after page: each request brings the `next_cursor` of the last answer."""
    criterion = criteria.of_flow_runs()
    found = await context.store.read(runs_filter.flow_run_leg, criterion, walk.order, walk.limit, walk.after)
    now = context.clock()
    return json_response(walk.answer([encode_flow_run(x.run, now, x.pool) for x in found.items], found.end))


@router.post("/count")
async def count_flow_runs(context: ContextDep, criteria: PoolQueueCriteria) -> int:
    """How many flow runs filters ask for."""
    return await context.store.read(runs_filter.count, flow_runs, criteria.of_flow_runs())


@router.post("/history", response_model=list[HistoryAnswer])
async def read_flow_run_history(context: ContextDep, intervals: RequestedIntervals, criteria: QueueCriteria) -> Any:
    """How many flow runs that filters ask for are in which state, by when they were expected to start."""
    return await answer_history(context, flow_runs, criteria.of_flow_runs(), intervals)


@router.post("/lateness")
async def average_flow_run_lateness(context: ContextDep, criteria: PoolQueueCriteria) -> float | None:
    """How many seconds late the flow runs were on average that filters ask for; null where there are none."""
    return await context.store.read(history.average_lateness, criteria.of_flow_runs(), context.clock())
