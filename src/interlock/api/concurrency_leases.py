"""Routes for leases of concurrency slots, which clients of the 3.x line hold their slots by."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from starlette.responses import Response

from interlock.api.concurrency_limits_v2 import Slots, granted
from interlock.api.context import ContextDep
from interlock.api.paging import Limit, Offset
from interlock.api.schemas.base import Id, Number, Text
from interlock.api.schemas.concurrency_limits_v2 import ActiveLeaseAnswer, HolderBody, LeaseAnswer
from interlock.api.wire_route import WireRoute
from interlock.orchestration.concurrency_leases import LASTING, Holder
from interlock.orchestration.global_limits import Mode
from interlock.storage.queries import concurrency_leases, concurrency_limits_v2

router = APIRouter(prefix="/v2/concurrency_limits", tags=["Concurrency Limits V2"], route_class=WireRoute)

SHORTEST_SECONDS = 60
LONGEST_SECONDS = 24 * 60 * 60

Names = Annotated[list[Text], Body(min_length=1)]
LeaseSeconds = Annotated[
    Number, Body(ge=SHORTEST_SECONDS, le=LONGEST_SECONDS, description="In how many seconds the lease expires.")
]
DEFAULT_SECONDS = 300


@router.post("/increment-with-lease", response_model=LeaseAnswer)
async def lease_slots(
    context: ContextDep,
    slots: Slots,
    names: Names,
    mode: Annotated[Mode, Body()] = "concurrency",
    lease_duration: LeaseSeconds = DEFAULT_SECONDS,
    holder: Annotated[HolderBody | None, Body(description="Who the slots are held for.")] = None,
) -> Any:
    """Take slots of all the limits named, or of none, for as long as the lease lasts: 423 with Retry-After, in whole
    seconds, where one of them is full. Names that no limit has are passed over."""
    lease_id = context.chance.new_id()
    taken = context.batcher.write(
        concurrency_leases.take,
        lease_id,
        names,
        slots,
        mode,
        timedelta(seconds=lease_duration),
        Holder(holder.type, holder.id) if holder else None,
        context.clock(),
    )
    return {"lease_id": lease_id, "limits": await granted(taken)}


@router.post("/{id_or_name}/leases", response_model=list[ActiveLeaseAnswer])
async def read_leases(id_or_name: str, context: ContextDep, limit: Limit, offset: Offset = 0) -> Any:
    """Who holds slots of a limit by leases, and until when; the first to expire comes first."""
    now = context.clock()
    found = await context.store.read(concurrency_limits_v2.by_id_or_name, id_or_name, now)
    if found is None:
        raise HTTPException(404, "Concurrency Limit not found")
    held = await context.store.read(concurrency_leases.of_limit, found.id, now, limit, offset)
    return [
        {
            "lease_id": x.lease.id,
            "created": x.lease.created,
            "expiration": None if x.lease.expires == LASTING else x.lease.expires,
            "slots": x.slots,
            "holder": x.lease.holder and {"type": x.lease.holder.type, "id": x.lease.holder.id},
        }
        for x in held
    ]


@router.post("/leases/{lease_id}/renew", status_code=204)
async def renew_lease(
    lease_id: Id, context: ContextDep, lease_duration: Annotated[LeaseSeconds, Body(embed=True)] = DEFAULT_SECONDS
) -> Response:
    """Have a lease expire so many seconds from now; 410 where it has expired, or is none."""
    duration = timedelta(seconds=lease_duration)
    if not await context.batcher.write(concurrency_leases.renew, lease_id, duration, context.clock()):
        raise HTTPException(410, "Lease not found - it may have expired or been revoked")
    return Response(status_code=204)


@router.post("/decrement-with-lease", status_code=204)
async def end_lease(lease_id: Annotated[Id, Body(embed=True)], context: ContextDep) -> Response:
    """End a lease and give its slots back; one that is no more has given them back already."""
    await context.batcher.write(concurrency_leases.give_back, lease_id, context.clock())
    return Response(status_code=204)
