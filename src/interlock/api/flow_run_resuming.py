"""The route that resumes a paused flow run, with the input it waits for.

What lives here: the check of the input. What does not: whether the run may go on (orchestration/).
"""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Body, HTTPException
from starlette.responses import Response

from interlock.api import value_schemas
from interlock.api.context import ApiVersionDep, Context, ContextDep
from interlock.api.errors import json_response
from interlock.api.hydration import HydrationError, hydrate_for
from interlock.api.schemas.base import Id, json_text
from interlock.api.schemas.states import TransitionAnswer, encode_decision, encode_state
from interlock.api.wire_route import WireRoute
from interlock.orchestration.commands import SetFlowRunState
from interlock.orchestration.states import Proposal, State, StateDetails, StateType
from interlock.storage.queries import flow_run_inputs, flow_run_resuming, flow_runs
from interlock.storage.queries.flow_run_resuming import Input, Resumption

router = APIRouter(prefix="/flow_runs", tags=["Flow Runs"], route_class=WireRoute)

RunInput = Annotated[dict[str, Any] | None, Body(embed=True, description="What the run is told, where it asked.")]


NOT_PAUSED = "Cannot resume a flow run that is not paused."


class _RefusedInputError(Exception):
    """The input can't be taken; the message says why."""


@router.post("/{id}/resume", response_model=TransitionAnswer, responses={201: {"model": TransitionAnswer}})
async def resume_flow_run(id: Id, context: ContextDep, api_version: ApiVersionDep, run_input: RunInput = None) -> Any:
    """Let a paused flow run go on. 201 where a new state was written."""
    run = await context.store.read(flow_runs.by_id, id)
    if run is None:
        raise HTTPException(404, "Flow run not found")
    if run.state is None or run.state.type is not StateType.PAUSED:
        return _refusal(None, "ABORT", NOT_PAUSED)
    try:
        told = await _input(context, id, run.state.details.run_input_keyset, run_input or {})
    except _RefusedInputError as error:
        return _refusal(run.state, "REJECT", str(error))
    command = SetFlowRunState(flow_run_id=id, proposal=_onward(context, run.state), api_version=api_version)
    wanted = Resumption(command, run.state.id, told)
    slot_wait = context.settings.tag_slot_wait_seconds
    decision = await context.batcher.write(flow_run_resuming.resume, wanted, context.clock, context.chance, slot_wait)
    if decision is None:
        return _refusal(None, "ABORT", NOT_PAUSED)
    return Response(encode_decision(decision), 201 if decision.written else 200, media_type="application/json")


def _onward(context: Context, paused: State) -> Proposal:
    """The state after the pause: RUNNING where the process waits, scheduled at once where it was left."""
    if not paused.details.pause_reschedule:
        return Proposal(type=StateType.RUNNING)
    details = StateDetails(scheduled_time=context.clock())
    return Proposal(type=StateType.SCHEDULED, name="Resuming", details=details)


async def _input(
    context: Context, flow_run_id: str, keyset: dict[str, str] | None, run_input: dict[str, Any]
) -> Input | None:
    """What the run is to be told, None where it asked for nothing or is given nothing; raises _RefusedInputError."""
    if not keyset:
        return None
    checked = await _checked(context, flow_run_id, keyset.get("schema", ""), run_input)
    return Input(keyset.get("response", ""), json_text(checked)) if checked else None


async def _checked(context: Context, flow_run_id: str, schema_key: str, run_input: dict[str, Any]) -> Any:
    """The input with its placeholders put into effect; raises _RefusedInputError where it is not what was asked for."""
    try:
        hydrated = await hydrate_for(context, run_input) or {}
    except HydrationError as error:
        raise _RefusedInputError(f"Error hydrating run input: {error}") from error
    schema = await context.store.read(flow_run_inputs.value, flow_run_id, schema_key)
    if schema is None:
        raise _RefusedInputError("Run input schema not found.")
    try:
        value_schemas.check(hydrated, orjson.loads(schema))
    except orjson.JSONDecodeError as error:
        raise _RefusedInputError("Run input schema is not valid JSON.") from error
    except value_schemas.UnfitValuesError as error:
        raise _RefusedInputError(f"Reason: {error}") from error
    except value_schemas.UnusableSchemaError as error:
        raise _RefusedInputError(f"Invalid schema: {error}") from error
    return hydrated


def _refusal(state: State | None, status: str, reason: str) -> Response:
    details = {"type": "abort_details", "reason": reason}
    return json_response({"state": encode_state(state), "status": status, "details": details})
