"""Routes for concurrency limits of tags."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException

from interlock.api.context import ContextDep
from interlock.api.paging import Limit, Offset
from interlock.api.schemas.base import Id
from interlock.api.schemas.concurrency_limits import ConcurrencyLimitAnswer, ConcurrencyLimitCreateBody
from interlock.api.wire_route import WireRoute
from interlock.storage.queries import concurrency_limits

router = APIRouter(prefix="/concurrency_limits", tags=["Concurrency Limits"], route_class=WireRoute)


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


@router.get("/{id}", response_model=ConcurrencyLimitAnswer)
async def read_concurrency_limit(id: Id, context: ContextDep) -> Any:
    """One limit, with the ids of the task runs that hold its slots."""
    return _found(await context.store.read(concurrency_limits.by_id, id, context.clock()))


@router.delete("/{id}")
async def delete_concurrency_limit(id: Id, context: ContextDep) -> None:
    """Delete a limit."""
    _found(await context.batcher.write(concurrency_limits.delete_by_id, id))
