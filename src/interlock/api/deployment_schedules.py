"""Routes for the schedules of a deployment, one by one."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from starlette.responses import Response

from interlock.api.context import Context, ContextDep
from interlock.api.errors import json_response
from interlock.api.schemas.base import Id
from interlock.api.schemas.deployment_schedules import (
    DeploymentScheduleAnswer,
    DeploymentScheduleBody,
    DeploymentScheduleUpdateBody,
    encode_schedule,
)
from interlock.api.wire_route import WireRoute
from interlock.storage.queries import deployment_schedules, deployments

router = APIRouter(prefix="/deployments/{id}/schedules", tags=["Deployments"], route_class=WireRoute)


@router.get("", response_model=list[DeploymentScheduleAnswer])
async def read_deployment_schedules(id: Id, context: ContextDep) -> Any:
    """A deployment's schedules, the last changed first."""
    await _check_deployment(context, id)
    found = await context.store.read(deployment_schedules.of_deployments, [id])
    return json_response([encode_schedule(x) for x in found])


@router.post("", response_model=list[DeploymentScheduleAnswer], status_code=201)
async def create_deployment_schedules(
    id: Id,
    schedules: Annotated[list[DeploymentScheduleBody], Body(description="The schedules to add.")],
    context: ContextDep,
) -> Any:
    """Add schedules to those that a deployment has."""
    now = context.clock()
    rows = [x.columns(context.chance.new_id(), now) for x in schedules]
    made = await context.batcher.write(deployment_schedules.create, id, rows, now)
    if made is None:
        raise _no_deployment()
    return json_response([encode_schedule(x) for x in made], 201)


@router.patch("/{schedule_id}", status_code=204)
async def update_deployment_schedule(
    id: Id, schedule_id: Id, schedule: DeploymentScheduleUpdateBody, context: ContextDep
) -> Response:
    """Change what is given of a schedule. The runs that the deployment's schedules made, and that wait, go."""
    await _check_deployment(context, id)
    now = context.clock()
    if not await context.batcher.write(deployment_schedules.change, id, schedule_id, schedule.columns(now), now):
        raise HTTPException(404, "Schedule not found.")
    return Response(status_code=204)


@router.delete("/{schedule_id}", status_code=204)
async def delete_deployment_schedule(id: Id, schedule_id: Id, context: ContextDep) -> Response:
    """Delete a schedule. The runs that the deployment's schedules made, and that wait, go as well."""
    await _check_deployment(context, id)
    if not await context.batcher.write(deployment_schedules.delete_one, id, schedule_id, context.clock()):
        raise HTTPException(404, "Schedule not found.")
    return Response(status_code=204)


async def _check_deployment(context: Context, deployment_id: str) -> None:
    if not await context.store.read(deployments.exists, deployment_id):
        raise _no_deployment()


def _no_deployment() -> HTTPException:
    return HTTPException(404, "Deployment not found.")
