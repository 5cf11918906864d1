"""Routes for global concurrency limits, whose slots are taken by name."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from starlette.responses import Response

from interlock.api.client_lines import CallsAs3x
from interlock.api.context import Context, ContextDep
from interlock.api.paging import Limit, Offset
from interlock.api.schemas.base import Number, PlainName, WholeNumber
from interlock.api.schemas.concurrency_limits_v2 import (
    GlobalLimitAnswer,
    GlobalLimitCreateBody,
    GlobalLimitUpdateBody,
    LimitReferenceAnswer,
    NewGlobalLimitAnswer,
)
from interlock.api.wire_route import WireRoute
from interlock.orchestration.global_limits import Denial, GlobalLimit, ImpossibleAcquisitionError, Mode
from interlock.storage.queries import concurrency_limits_v2

router = APIRouter(prefix="/v2/concurrency_limits", tags=["Concurrency Limits V2"], route_class=WireRoute)

Slots = Annotated[WholeNumber, Body(gt=0)]
Names = Annotated[list[PlainName], Body(min_length=1)]
CreateIfMissing = Annotated[
    bool | None, Body(description="Of a name without a limit make one that limits nothing, as 2.x clients expect.")
]
OccupancySeconds = Annotated[
    Number | None, Body(gt=0.0, description="How long the slots were held; the average tells others how long to wait.")
]


def _found(limit: Any) -> Any:
    if not limit:
        raise HTTPException(404, "Concurrency Limit not found")
    return limit


@router.post("/", response_model=NewGlobalLimitAnswer, status_code=201)
async def create_global_limit(body: GlobalLimitCreateBody, context: ContextDep) -> Any:
    """Create a global limit; 409 where its name is taken."""
    values = body.model_dump()
    return await context.batcher.write(concurrency_limits_v2.create, context.chance.new_id(), values, context.clock())


@router.post("/filter", response_model=list[GlobalLimitAnswer])
async def read_global_limits(context: ContextDep, limit: Limit, offset: Offset = 0) -> Any:
    """All global limits, by name."""
    return await context.store.read(concurrency_limits_v2.page, limit, offset, context.clock())


@router.post("/increment", response_model=list[LimitReferenceAnswer])
async def take_slots(
    context: ContextDep,
    calls_as_3x: CallsAs3x,
    slots: Slots,
    names: Names,
    mode: Annotated[Mode, Body()] = "concurrency",
    create_if_missing: CreateIfMissing = None,
) -> Any:
    """Take slots of all the limits named, or of none: 423 with Retry-After, in seconds, where one of them is full."""
    new_id = _new_id(context, is_wanted=create_if_missing is not False and not calls_as_3x)
    return await granted(
        context.batcher.write(concurrency_limits_v2.take_slots, names, slots, mode, new_id, context.clock())
    )


@router.post("/decrement", response_model=list[LimitReferenceAnswer])
async def free_slots(
    context: ContextDep,
    calls_as_3x: CallsAs3x,
    slots: Slots,
    names: Names,
    occupancy_seconds: OccupancySeconds = None,
    create_if_missing: CreateIfMissing = None,
) -> Any:
    """Give slots of all the limits named back."""
    new_id = _new_id(context, is_wanted=create_if_missing is not False and not calls_as_3x)
    return await context.batcher.write(
        concurrency_limits_v2.free_slots, names, slots, occupancy_seconds, new_id, context.clock()
    )


async def granted(taking: Awaitable[list[GlobalLimit] | Denial]) -> list[GlobalLimit]:
    """The limits that slots were taken of; raises 423 with Retry-After where there were none left, and 422 where no
    waiting would bring any."""
    try:
        outcome = await taking
    except ImpossibleAcquisitionError as error:
        raise HTTPException(422, str(error)) from error
    if isinstance(outcome, Denial):
        raise HTTPException(423, headers={"Retry-After": str(outcome.retry_after)})
    return outcome


def _new_id(context: Context, *, is_wanted: bool) -> Callable[[], str] | None:
    """Ids for the limits that are made of names without one, which is not what clients of the 3.x line expect."""
    return context.chance.new_id if is_wanted else None


@router.get("/{id_or_name}", response_model=GlobalLimitAnswer)
async def read_global_limit(id_or_name: str, context: ContextDep) -> Any:
    """One global limit."""
    return _found(await context.store.read(concurrency_limits_v2.by_id_or_name, id_or_name, context.clock()))


@router.patch("/{id_or_name}", status_code=204)
async def update_global_limit(id_or_name: str, body: GlobalLimitUpdateBody, context: ContextDep) -> Response:
    """Change a global limit."""
    values = body.model_dump(exclude_unset=True)
    _found(await context.batcher.write(concurrency_limits_v2.change, id_or_name, values, context.clock()))
    return Response(status_code=204)


@router.delete("/{id_or_name}", status_code=204)
async def delete_global_limit(id_or_name: str, context: ContextDep) -> Response:
    """Delete a global limit."""
    _found(await context.batcher.write(concurrency_limits_v2.delete_one, id_or_name))
    return Response(status_code=204)
