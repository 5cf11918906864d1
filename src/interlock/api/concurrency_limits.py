"""Routes for concurrency limits of tags."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException

from interlock.api.context import ContextDep
from interlock.api.paging import Limit, Offset
from interlock.api.schemas.base import Id, Text
from interlock.api.schemas.concurrency_limits import ConcurrencyLimitAnswer, ConcurrencyLimitCreateBody
from interlock.api.schemas.concurrency_limits_v2 import LimitReferenceAnswer
from interlock.api.wire_route import WireRoute
from interlock.orchestration.global_limits import TAG_PREFIX
from interlock.storage.queries import concurrency_limits, tag_slots

router = APIRouter(prefix="/concurrency_limits", tags=["Concurrency Limits"], route_class=WireRoute)

Tags = Annotated[list[Text], Body()]
TaskRunId = Annotated[Id, Body(description="The task run that the slots are for.")]


def _found(limit: Any) -> Any:
    if not limit:
        raise HTTPException(404, "Concurrency limit not found")
    return limit


@router.post("/", response_model=ConcurrencyLimitAnswer)
async def create_concurrency_limit(body: ConcurrencyLimitCreateBody, context: ContextDep) -> Any:
    """Limit how many task runs with a tag may run at once. A limit that the tag has is changed; its holders stay."""
    return await context.batcher.write(
        concurrency_limits.create_or_change,
        context.chance.new_id(),
        body.tag,
        body.concurrency_limit,
        context.clock(),
    )


@router.post("/filter", response_model=list[ConcurrencyLimitAnswer])
async def read_concurrency_limits(context: ContextDep, limit: Limit, offset: Offset = 0) -> Any:
    """All limits, by tag."""
    return await context.store.read(concurrency_limits.page, limit, offset, context.clock())


@router.get("/tag/{tag}", response_model=ConcurrencyLimitAnswer)
async def read_concurrency_limit_by_tag(tag: str, context: ContextDep) -> Any:
    """The limit of a tag, with the ids of the task runs that hold its slots."""
    return _found(await context.store.read(concurrency_limits.by_tag, tag, context.clock()))


@router.post("/tag/{tag}/reset")
async def reset_concurrency_limit_by_tag(
    tag: str,
    context: ContextDep,
    slot_override: Annotated[list[Id] | None, Body(embed=True, description="Who is to hold the slots.")] = None,
) -> None:
    """Free all slots of a tag's limit, or give them to the ids named."""
    _found(await context.batcher.write(concurrency_limits.reset, tag, slot_override or [], context.clock()))


@router.delete("/tag/{tag}")
async def delete_concurrency_limit_by_tag(tag: str, context: ContextDep) -> None:
    """Delete the limit of a tag."""
    _found(await context.batcher.write(concurrency_limits.delete_by_tag, tag))


@router.post("/increment", response_model=list[LimitReferenceAnswer])
async def take_tag_slots(names: Tags, task_run_id: TaskRunId, context: ContextDep) -> Any:
    """Take a slot of the limit of each of these tags for a task run, or of none: 423 where one of them has none left,
    with Retry-After, in seconds, unless it never has any. Tags without a limit are passed over."""
    outcome = await context.batcher.write(tag_slots.take, names, task_run_id, context.clock())
    if isinstance(outcome, list):
        return [LimitReferenceAnswer(id=x.id, name=x.name.removeprefix(TAG_PREFIX), limit=x.limit) for x in outcome]
    tag = outcome.name.removeprefix(TAG_PREFIX)
    if outcome.is_closed:
        closed = f'The concurrency limit on tag "{tag}" is 0 and will deadlock if the task tries to run again.'
        raise HTTPException(423, closed)
    wait = {"Retry-After": str(context.settings.tag_slot_wait_seconds)}
    raise HTTPException(423, f"Concurrency limit for the {tag} tag has been reached", headers=wait)


@router.post("/decrement", response_model=list[LimitReferenceAnswer])
async def free_tag_slots(names: Tags, task_run_id: TaskRunId, context: ContextDep) -> Any:
    """Free the slots that a task run holds of the limits of these tags."""
    return await context.batcher.write(tag_slots.free, names, task_run_id, context.clock())


@router.get("/{id}", response_model=ConcurrencyLimitAnswer)
async def read_concurrency_limit(id: Id, context: ContextDep) -> Any:
    """One limit, with the ids of the task runs that hold its slots."""
    return _found(await context.store.read(concurrency_limits.by_id, id, context.clock()))


@router.delete("/{id}")
async def delete_concurrency_limit(id: Id, context: ContextDep) -> None:
    """Delete a limit."""
    _found(await context.batcher.write(concurrency_limits.delete_by_id, id))
