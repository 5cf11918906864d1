"""Routes for the charts and forms of a user interface."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, HTTPException
from msgspec import structs

from interlock.api import schema_faults
from interlock.api.context import ContextDep
from interlock.api.criteria import CriteriaAround, PoolCriteria, PoolQueueCriteria, RequiredTaskRunFilter, RunCriteria
from interlock.api.errors import json_response
from interlock.api.hydration import checked_for
from interlock.api.pages import RunPage
from interlock.api.paging import Offset
from interlock.api.schemas.base import JsonObject, LongNumber
from interlock.api.schemas.filters import StateFilter, StateTypeFilter
from interlock.api.schemas.history import OutcomesAnswer, SimpleFlowRunAnswer, encode_simple_flow_run
from interlock.api.schemas.schema_faults import SchemaFaultsAnswer
from interlock.api.schemas.sorting import FlowRunSort
from interlock.api.value_schemas import UnusableSchemaError
from interlock.api.wire_route import WireRoute
from interlock.orchestration.states import TERMINAL_TYPES, StateType
from interlock.storage.queries import history, runs_filter
from interlock.storage.tables import flow_runs as flow_runs_table
from interlock.storage.tables import task_runs as task_runs_table

router = APIRouter(prefix="/ui", tags=["UI"], route_class=WireRoute)

BARS = 20
"""How many counts the dashboard shows side by side."""

MAX_POINTS = 1000
"""How many flow runs a chart has room for."""

COUNTED_TYPES = (
    StateType.COMPLETED,
    StateType.PENDING,
    StateType.RUNNING,
    StateType.FAILED,
    StateType.CANCELLED,
    StateType.CRASHED,
    StateType.PAUSED,
    StateType.CANCELLING,
    StateType.SCHEDULED,
)
"""The order in which they are counted."""

MINUTE = timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)


@router.post("/task_runs/dashboard/counts", response_model=list[OutcomesAnswer])
async def read_dashboard_counts(context: ContextDep, task_runs: RequiredTaskRunFilter, around: CriteriaAround) -> Any:
    """How many task runs ended well and badly in each twentieth of the time since `task_runs.start_time.after_`."""
    if task_runs.start_time is None or task_runs.start_time.after_ is None:
        raise HTTPException(422, "task_runs.start_time.after_ is required")
    start = _minute(task_runs.start_time.after_)
    end = _minute(task_runs.start_time.before_ or context.clock()) + MINUTE - MICROSECOND
    over = StateFilter(type=StateTypeFilter(any_=sorted(TERMINAL_TYPES)))
    ended = structs.replace(around, task_runs=task_runs.model_copy(update={"state": over}).criterion())
    bars = [{"completed": 0, "failed": 0} for _ in range(BARS)]
    for bar, failed, runs in await context.store.read(history.outcomes, ended.of_task_runs(), start, end, BARS):
        bars[bar] = {"completed": runs - failed, "failed": failed}
    return json_response(bars)


def _minute(time: datetime) -> datetime:
    """The beginning of the minute that a time is in."""
    return time.replace(second=0, microsecond=0)


@router.post("/task_runs/count", response_model=dict[StateType, int])
async def count_task_runs_by_state(context: ContextDep, criteria: RunCriteria) -> Any:
    """How many task runs that filters ask for are in a state of each type."""
    counts = await context.store.read(runs_filter.count_by_state, task_runs_table, criteria.of_task_runs())
    return json_response({x.value: counts[x] for x in COUNTED_TYPES})


@router.post("/flow_runs/count", response_model=dict[StateType, int])
async def count_flow_runs_by_state(context: ContextDep, criteria: PoolQueueCriteria) -> Any:
    """How many flow runs that filters ask for are in a state of each type."""
    counts = await context.store.read(runs_filter.count_by_state, flow_runs_table, criteria.of_flow_runs())
    return json_response({x.value: counts[x] for x in COUNTED_TYPES})


async def points_page(
    sort: Annotated[FlowRunSort, Body()] = FlowRunSort.EXPECTED_START_TIME_DESC,
    limit: Annotated[LongNumber, Body(le=MAX_POINTS)] = MAX_POINTS,
    offset: Offset = 0,
) -> RunPage:
    """The page of flow runs that a body asks for, which may be longer than elsewhere; below 0 it has no end."""
    return RunPage(limit, offset, sort.order)


@router.post("/flow_runs/history", response_model=list[SimpleFlowRunAnswer])
async def read_flow_run_points(
    context: ContextDep, page: Annotated[RunPage, Depends(points_page)], criteria: PoolCriteria
) -> Any:
    """Flow runs that filters ask for, as points on a chart."""
    criterion = criteria.of_flow_runs()
    found = await context.store.read(runs_filter.flow_run_page, criterion, page.order, page.limit, page.offset)
    now = context.clock()
    return json_response([encode_simple_flow_run(x.run, now) for x in found])


@router.post("/schemas/validate", response_model=SchemaFaultsAnswer)
async def validate_values(
    context: ContextDep,
    fitting: Annotated[JsonObject, Body(alias="schema", description="A JSON schema, as of a deployment's parameters.")],
    values: Annotated[JsonObject, Body(description="Values, which may be placeholders.")],
) -> Any:
    """Whether values fit a schema, and all that is wrong with them, each at its place."""
    try:
        found = schema_faults.faults(await checked_for(context, values), fitting)
    except UnusableSchemaError as error:
        raise HTTPException(422, f"Invalid schema: {error}") from error
    return json_response({"errors": found, "valid": not found})
