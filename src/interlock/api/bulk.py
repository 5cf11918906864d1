"""Routes that do something to many records at once.

What lives here: which records, and the answer about all of them. What does not: what is done to each, which is what the
route for a single one does.
"""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from msgspec.structs import replace
from starlette.responses import Response

from interlock.api.client_lines import AgentDep
from interlock.api.context import ApiVersionDep, ContextDep
from interlock.api.deployment_runs import creation_of
from interlock.api.deployments import existing_deployment
from interlock.api.errors import json_response
from interlock.api.flow_runs import slot_terms
from interlock.api.provenance import CreatedByDep
from interlock.api.schemas.base import Id, WholeNumber
from interlock.api.schemas.bulk import (
    BulkCreateAnswer,
    BulkCreation,
    BulkDeleteAnswer,
    BulkSetStateAnswer,
    CreationStatus,
    encode_transition,
)
from interlock.api.schemas.deployment_runs import DeploymentFlowRunCreateBody
from interlock.api.schemas.filters import DeploymentFilter, FlowFilter, FlowRunFilter, RecordFilter
from interlock.api.schemas.states import Force, StateBody
from interlock.api.wire_route import WireRoute
from interlock.engine.overload import OverloadedError
from interlock.orchestration.commands import SetFlowRunState
from interlock.orchestration.decision import FlowDecision
from interlock.orchestration.refusals import Refusal
from interlock.storage.filters import EVERYTHING, Criterion
from interlock.storage.queries import deployments as deployment_queries
from interlock.storage.queries import flow_runs as flow_run_queries
from interlock.storage.queries import flows as flow_queries
from interlock.storage.store import StoreUnavailableError

router = APIRouter(route_class=WireRoute)

MOST = 50
"""How many records one request changes or deletes."""

REASONS = (Refusal, OverloadedError, StoreUnavailableError)
"""What can keep one of many from being done while others are."""

MOST_CREATED = 100
"""How many one request creates."""

BulkLimit = Annotated[WholeNumber, Body(ge=1, le=MOST, description=f"How many at most, {MOST} where it is not said.")]


def _asked(given: RecordFilter | None) -> Criterion:
    return EVERYTHING if given is None else given.criterion()


@router.post("/flow_runs/bulk_delete", response_model=BulkDeleteAnswer, tags=["Flow Runs"])
async def bulk_delete_flow_runs(
    context: ContextDep, flow_runs: FlowRunFilter | None = None, limit: BulkLimit = MOST
) -> Any:
    """Delete the newest flow runs that a filter asks for, with their task runs. Logs stay."""
    return {"deleted": await context.batcher.write(flow_run_queries.delete_found, _asked(flow_runs), limit)}


@router.post("/flows/bulk_delete", response_model=BulkDeleteAnswer, tags=["Flows"])
async def bulk_delete_flows(context: ContextDep, flows: FlowFilter | None = None, limit: BulkLimit = MOST) -> Any:
    """Delete flows that a filter asks for, the first by name, with their deployments and flow runs."""
    return {"deleted": await context.batcher.write(flow_queries.delete_found, _asked(flows), limit)}


@router.post("/deployments/bulk_delete", response_model=BulkDeleteAnswer, tags=["Deployments"])
async def bulk_delete_deployments(
    context: ContextDep, deployments: DeploymentFilter | None = None, limit: BulkLimit = MOST
) -> Any:
    """Delete deployments that a filter asks for, the first by name, with those of their runs that have not begun."""
    return {"deleted": await context.batcher.write(deployment_queries.delete_found, _asked(deployments), limit)}


@router.post("/flow_runs/bulk_set_state", response_model=BulkSetStateAnswer, tags=["Flow Runs"])
async def bulk_set_flow_run_state(
    context: ContextDep,
    api_version: ApiVersionDep,
    agent: AgentDep,
    state: StateBody,
    flow_runs: FlowRunFilter | None = None,
    force: Force = False,
    limit: BulkLimit = MOST,
) -> Response:
    """Ask for another state of the newest flow runs that a filter asks for. Each is decided on by itself."""
    ids = await context.store.read(flow_run_queries.found_ids, _asked(flow_runs), limit)
    wanted = SetFlowRunState(
        flow_run_id="",
        proposal=state.proposal(),
        force=force,
        api_version=api_version,
        slot_terms=slot_terms(context, agent),
    )
    outcomes = await _all(context.batcher.decide(replace(wanted, flow_run_id=x)) for x in ids)
    return json_response({"results": [encode_transition(*x) for x in zip(ids, outcomes, strict=True)]})


async def _all(decisions: Iterable[Awaitable[FlowDecision]]) -> list[FlowDecision | Exception]:
    """What was decided on each, or why it was refused or could not be carried out. They share batches.

    Raises where all of them could not be carried out: then nothing was done, and the request may come again.
    """
    outcomes = await asyncio.gather(*decisions, return_exceptions=True)
    undone = [x for x in outcomes if isinstance(x, OverloadedError | StoreUnavailableError)]
    if undone and len(undone) == len(outcomes):
        raise undone[0]
    told: list[FlowDecision | Exception] = []
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, REASONS):
            raise outcome
        told.append(outcome)
    return told


@router.post("/deployments/{id}/create_flow_run/bulk", response_model=BulkCreateAnswer, tags=["Deployments"])
async def bulk_create_flow_runs_from_deployment(
    id: Id,
    flow_runs: Annotated[list[DeploymentFlowRunCreateBody], Body(description="The flow runs to create.")],
    context: ContextDep,
    created_by: CreatedByDep,
) -> Any:
    """Create runs of a deployment, each as if it were the only one; those that can't be are told with the reason."""
    if len(flow_runs) > MOST_CREATED:
        raise HTTPException(400, f"Cannot create more than {MOST_CREATED} flow runs at once.")
    deployment = await existing_deployment(context, id)
    results: list[BulkCreation] = [_failed("")] * len(flow_runs)
    commands = {}
    for place, body in enumerate(flow_runs):
        try:
            commands[place] = await creation_of(context, deployment, body, created_by)
        except HTTPException as error:
            results[place] = _failed(error.detail)
    outcomes = await _all(context.batcher.decide(x) for x in commands.values())
    for place, outcome in zip(commands, outcomes, strict=True):
        results[place] = _failed(str(outcome)) if isinstance(outcome, Exception) else _created(outcome)
    return {"results": results}


def _failed(error: str) -> BulkCreation:
    return BulkCreation(status=CreationStatus.FAILED, error=error)


def _created(decision: FlowDecision) -> BulkCreation:
    return BulkCreation(flow_run_id=decision.run.id, status=CreationStatus.CREATED)
