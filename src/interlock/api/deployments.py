"""Routes for deployments.

What lives here: decode, find or write, encode; what a deployment's parameters must be. What does not: its schedules
one by one (deployment_schedules.py), its runs (deployment_runs.py), filters and counts (deployment_queries.py).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter, HTTPException
from starlette.responses import Response

from interlock.api import job_variables, value_schemas
from interlock.api.client_lines import CallsAs3x
from interlock.api.context import Context, ContextDep
from interlock.api.errors import json_response
from interlock.api.hydration import HydrationError, hydrate_for
from interlock.api.schemas.base import Id
from interlock.api.schemas.deployment_schedules import DeploymentScheduleBody
from interlock.api.schemas.deployments import (
    DeploymentAnswer,
    DeploymentCreateBody,
    DeploymentUpdateBody,
    encode_deployment,
)
from interlock.api.wire_route import WireRoute
from interlock.api.work_pools import existing_pool, no_pool
from interlock.storage.queries import deployment_limits, deployments
from interlock.storage.queries.deployments import Change, Deployment
from interlock.storage.queries.work_pools import DEFAULT_POOL
from interlock.storage.queries.work_queues import NoPoolError

router = APIRouter(prefix="/deployments", tags=["Deployments"], route_class=WireRoute)


@router.post("/", response_model=DeploymentAnswer, status_code=201, responses={200: {"model": DeploymentAnswer}})
async def create_deployment(body: DeploymentCreateBody, context: ContextDep) -> Any:
    """Create a deployment, or answer 200 where it replaces the one of the same flow and name."""
    if body.work_pool_name and body.work_pool_name != DEFAULT_POOL:
        pool = await existing_pool(context, body.work_pool_name)
        await job_variables.check_deployment(context, pool["base_job_template"], body.job_variables)
    await _check_document(context, "infrastructure", body.infrastructure_document_id)
    await _check_document(context, "storage", body.storage_document_id)
    await _check_limit(context, body.global_concurrency_limit_id)
    now, new_id = context.clock(), context.chance.new_id
    schedules = _schedule_rows(context, body.all_schedules())
    wanted = Change(body.columns(now), schedules, body.own_limit(new_id()), body.place)
    try:
        deployment, made = await context.batcher.write(deployments.create_or_replace, new_id, wanted, now)
    except NoPoolError as error:
        raise no_pool(str(body.work_pool_name)) from error
    return json_response(encode_deployment(deployment), 201 if made else 200)


async def _check_limit(context: Context, limit_id: str | None) -> None:
    if limit_id is not None and not await context.store.read(deployment_limits.exists, limit_id):
        raise HTTPException(404, "Concurrency limit not found")


async def _check_document(context: Context, role: str, document_id: str | None) -> None:
    if document_id is None or await context.store.read(deployments.has_block_document, document_id):
        return
    raise HTTPException(
        409,
        f"Error creating deployment. Could not find {role} block with id: {document_id}. This usually occurs when"
        " applying a deployment specification that was built against a different Prefect database / workspace.",
    )


def _schedule_rows(context: Context, schedules: list[DeploymentScheduleBody]) -> list[dict[str, Any]]:
    """The rows of schedules that come with their deployment: limits are given to single schedules only."""
    now = context.clock()
    return [x.unbounded().columns(context.chance.new_id(), now) for x in schedules]


@router.get("/name/{flow_name}/{deployment_name}", response_model=DeploymentAnswer)
async def read_deployment_by_name(flow_name: str, deployment_name: str, context: ContextDep) -> Any:
    """The deployment of this name of the flow of that name."""
    deployment = await context.store.read(deployments.by_name, flow_name, deployment_name)
    return json_response(encode_deployment(_found(deployment)))


@router.get("/{id}", response_model=DeploymentAnswer)
async def read_deployment(id: Id, context: ContextDep) -> Any:
    """One deployment with its schedules."""
    return json_response(encode_deployment(await existing_deployment(context, id)))


async def existing_deployment(context: Context, deployment_id: str) -> Deployment:
    """One deployment; raises 404."""
    return _found(await context.store.read(deployments.by_id, deployment_id))


def _found(deployment: Deployment | None) -> Deployment:
    if deployment is None:
        raise HTTPException(404, "Deployment not found")
    return deployment


@router.patch("/{id}", status_code=204)
async def update_deployment(id: Id, body: DeploymentUpdateBody, context: ContextDep) -> Response:
    """Change what is given of a deployment."""
    if not await context.store.read(deployments.exists, id):
        raise HTTPException(404, "Deployment not found.")
    if body.work_pool_name:
        pool = await existing_pool(context, body.work_pool_name)
        job_variables.check_change(pool["base_job_template"], body.job_variables or {})
    await _check_limit(context, body.global_concurrency_limit_id)
    now = context.clock()
    values = body.columns(now)
    if body.parameters is not None:
        values["parameters"] = await _hydrated(context, body.parameters)
    plan = partial(_plan, context, body, values)
    try:
        found = await context.batcher.write(deployments.change, id, plan, context.chance.new_id, now)
    except NoPoolError as error:
        raise no_pool(str(body.work_pool_name)) from error
    if not found:
        raise HTTPException(404, "Deployment not found.")
    return Response(status_code=204)


def _plan(context: Context, body: DeploymentUpdateBody, values: dict[str, Any], existing: Deployment) -> Change:
    """What an update makes of a deployment; raises what is answered where it can't be made."""
    if body.is_legacy:
        _check_single_schedule(existing)
    _check_parameters(existing, values)
    limit = body.own_limit(context.chance.new_id())
    return Change(values, _new_schedules(context, body, existing), limit, body.place)


def _new_schedules(context: Context, body: DeploymentUpdateBody, existing: Deployment) -> list[dict[str, Any]] | None:
    """The rows of the schedules that a deployment is to have, None where they stay.

    Those that have slugs are changed one by one, and the others stay; otherwise all of them are replaced.
    """
    new = body.new_schedules(existing)
    if new is None:
        return None
    if body.is_legacy or not any(x["slug"] for x in existing["schedules"]):
        return _schedule_rows(context, new)
    return _merged(context, existing["schedules"], new)


def _merged(context: Context, rows: Sequence[Any], new: list[DeploymentScheduleBody]) -> list[dict[str, Any]]:
    merged = {row["id"]: dict(row) for row in rows}
    ids = {row["slug"]: row["id"] for row in rows}
    for x in new:
        if not x.slug:
            detail = (
                "Please provide a slug for each schedule in your request to ensure schedules are updated correctly."
            )
            raise HTTPException(422, detail)
        known = ids.get(x.slug) or ids.get(x.replaces)
        row = x.changed(merged[known], context.clock()) if known else _schedule_rows(context, [x])[0]
        merged[row["id"]] = row
    return list(merged.values())


async def _hydrated(context: Context, parameters: dict[str, Any]) -> Any:
    try:
        return await hydrate_for(context, parameters)
    except HydrationError as error:
        raise HTTPException(400, f"Error hydrating deployment parameters: {error}") from error


def _check_parameters(existing: Deployment, values: dict[str, Any]) -> None:
    """Raise 409 or 422 where the deployment would insist on its schema and its parameters don't fit."""
    changed = {name: x for name, x in values.items() if x is not None}
    after = existing | changed
    if after["enforce_parameter_schema"]:
        check_against_schema(after, after["parameters"], "updating deployment", partial=True)


def check_against_schema(deployment: Deployment, parameters: Any, action: str, *, partial: bool) -> None:
    """Raise 409 where parameters don't fit a deployment's schema, 422 where the schema is unusable."""
    schema = deployment["parameter_openapi_schema"]
    if schema is None:
        raise HTTPException(
            409,
            "Error updating deployment: Cannot update parameters because parameter schema enforcement is enabled and"
            " the deployment does not have a valid parameter schema.",
        )
    try:
        value_schemas.check(parameters, schema, partial=partial)
    except value_schemas.UnfitValuesError as error:
        raise HTTPException(409, f"Error {action}: {error}") from error
    except value_schemas.UnusableSchemaError as error:
        raise HTTPException(422, f"Invalid schema: {error}") from error


@router.delete("/{id}", status_code=204)
async def delete_deployment(id: Id, context: ContextDep) -> Response:
    """Delete a deployment with its schedules and those of its runs that have not begun. Other runs stay."""
    if not await context.batcher.write(deployments.delete_one, id):
        raise HTTPException(404, "Deployment not found")
    return Response(status_code=204)


@router.post("/{id:uuid}/set_schedule_active")
@router.post("/{id:uuid}/resume_deployment")
async def resume_deployment(id: Id, context: ContextDep, as_3x: CallsAs3x) -> None:
    """Let the schedules of a deployment make runs."""
    await _set_paused(context, id, False, as_3x)


@router.post("/{id:uuid}/set_schedule_inactive")
@router.post("/{id:uuid}/pause_deployment")
async def pause_deployment(id: Id, context: ContextDep, as_3x: CallsAs3x) -> None:
    """Stop the schedules of a deployment, and delete the runs that they made and that have not begun."""
    await _set_paused(context, id, True, as_3x)


async def _set_paused(context: Context, deployment_id: str, paused: bool, as_3x: bool) -> None:
    """To clients of the 2.x line a deployment has one schedule, which is switched with it. To those of the 3.x line
    each of its schedules has a switch of its own."""
    check = _check_nothing if as_3x else _check_single_schedule
    switch = partial(deployments.set_paused, schedules_too=not as_3x)
    if not await context.batcher.write(switch, deployment_id, paused, check, context.clock()):
        raise HTTPException(404, "Deployment not found")


def _check_nothing(_: Deployment) -> None:
    pass


def _check_single_schedule(deployment: Deployment) -> None:
    """Raise 422 where there are several, for callers that know one schedule only. The detail is a list of one text:
    clients know it so."""
    if len(deployment["schedules"]) <= 1:
        return
    detail = (
        f"Error updating deployment: Deployment UUID('{deployment['id']}') has multiple schedules. Please use the UI or"
        " update your client to adjust this deployment's schedules."
    )
    raise HTTPException(422, [detail])
