"""Routes that find and count flows by filters."""

from typing import Annotated, Any

from fastapi import APIRouter, Body

from interlock.api.context import ContextDep
from interlock.api.criteria import PoolCriteria
from interlock.api.pages import RequestedPage
from interlock.api.schemas.flows import FlowAnswer
from interlock.api.schemas.sorting import FlowSort
from interlock.api.wire_route import WireRoute
from interlock.storage.queries import runs_filter
from interlock.storage.tables import flows

router = APIRouter(prefix="/flows", tags=["Flows"], route_class=WireRoute)


@router.post("/filter", response_model=list[FlowAnswer])
async def read_flows(
    context: ContextDep,
    page: RequestedPage,
    criteria: PoolCriteria,
    sort: Annotated[FlowSort, Body()] = FlowSort.NAME_ASC,
) -> Any:
    """Flows that filters ask for."""
    return await context.store.read(runs_filter.flow_page, criteria.of_flows(), sort.order, page.limit, page.offset)


@router.post("/count")
async def count_flows(context: ContextDep, criteria: PoolCriteria) -> int:
    """How many flows filters ask for."""
    return await context.store.read(runs_filter.count, flows, criteria.of_flows())
