"""Routes that find and count deployments by filters."""

from typing import Annotated, Any

from fastapi import APIRouter, Body

from interlock.api.context import ContextDep
from interlock.api.criteria import PoolQueueCriteria
from interlock.api.errors import json_response
from interlock.api.pages import RequestedPage
from interlock.api.schemas.deployments import DeploymentAnswer, encode_deployment
from interlock.api.schemas.sorting import DeploymentSort
from interlock.api.wire_route import WireRoute
from interlock.storage.queries import deployments

router = APIRouter(prefix="/deployments", tags=["Deployments"], route_class=WireRoute)


@router.post("/filter", response_model=list[DeploymentAnswer])
async def read_deployments(
    context: ContextDep,
    page: RequestedPage,
    criteria: PoolQueueCriteria,
    sort: Annotated[DeploymentSort, Body()] = DeploymentSort.NAME_ASC,
) -> Any:
    """Deployments that filters ask for, with their schedules."""
    found = await context.store.read(deployments.page, criteria.of_deployments(), sort.order, page.limit, page.offset)
    return json_response([encode_deployment(x) for x in found])


@router.post("/count")
async def count_deployments(context: ContextDep, criteria: PoolQueueCriteria) -> int:
    """How many deployments filters ask for."""
    return await context.store.read(deployments.count, criteria.of_deployments())
