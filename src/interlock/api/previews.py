"""Routes that tell what set_state would do, and why, without doing it."""

from typing import Any

from fastapi import APIRouter

from interlock.api.client_lines import AgentDep
from interlock.api.context import ApiVersionDep, Context, ContextDep
from interlock.api.errors import json_response
from interlock.api.flow_runs import slot_terms
from interlock.api.schemas.base import Id
from interlock.api.schemas.previews import PreviewAnswer, encode_preview
from interlock.api.schemas.states import Force, StateBody
from interlock.api.wire_route import WireRoute
from interlock.orchestration.commands import SetFlowRunState, SetTaskRunState
from interlock.storage import previews

router = APIRouter(route_class=WireRoute)


@router.post("/task_runs/{id}/set_state/preview", tags=["Task Runs"], response_model=PreviewAnswer)
async def preview_task_run_state(id: Id, context: ContextDep, state: StateBody, force: Force = False) -> Any:
    """What set_state would answer to this body now, which rule would decide it, and what else would be written."""
    return await _answer(context, SetTaskRunState(task_run_id=id, proposal=state.proposal(), force=force))


@router.post("/flow_runs/{id}/set_state/preview", tags=["Flow Runs"], response_model=PreviewAnswer)
async def preview_flow_run_state(
    id: Id, context: ContextDep, api_version: ApiVersionDep, agent: AgentDep, state: StateBody, force: Force = False
) -> Any:
    """What set_state would answer to this body now, which rule would decide it, and what else would be written."""
    command = SetFlowRunState(
        flow_run_id=id,
        proposal=state.proposal(),
        force=force,
        api_version=api_version,
        slot_terms=slot_terms(context, agent),
    )
    return await _answer(context, command)


async def _answer(context: Context, command: SetTaskRunState | SetFlowRunState) -> Any:
    wait = context.settings.tag_slot_wait_seconds
    found = await context.store.read(previews.preview, command, context.clock, context.chance, wait)
    return json_response(encode_preview(found, context.clock()))
