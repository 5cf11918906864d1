"""Routes that tell what hangs on one run: who was given its result, and which slots it holds."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from interlock.api.context import Context, ContextDep
from interlock.api.schemas.base import Id
from interlock.api.schemas.run_relations import DependentAnswer, HeldSlotsAnswer
from interlock.api.wire_route import WireRoute
from interlock.orchestration.concurrency_leases import LASTING, HolderType
from interlock.storage.queries import flow_runs, run_relations, task_runs

router = APIRouter(route_class=WireRoute)

MOST_DEPENDENTS = 200


@router.get("/task_runs/{id}/dependents", tags=["Task Runs"], response_model=list[DependentAnswer])
async def read_dependents(
    id: Id, context: ContextDep, limit: Annotated[int, Query(ge=1, le=MOST_DEPENDENTS)] = MOST_DEPENDENTS
) -> Any:
    """The task runs that were given the result of this one, the oldest first."""
    found = await context.store.read(run_relations.dependents, id, limit)
    if found is None:
        raise HTTPException(404, "Task not found")
    return found


@router.get("/task_runs/{id}/slots", tags=["Task Runs"], response_model=list[HeldSlotsAnswer])
async def read_slots_of_task_run(id: Id, context: ContextDep) -> Any:
    """The slots of concurrency limits that a task run holds now, by its state or by a lease."""
    if await context.store.read(task_runs.by_id, id) is None:
        raise HTTPException(404, "Task not found")
    return await _slots(context, "task_run", id)


@router.get("/flow_runs/{id}/slots", tags=["Flow Runs"], response_model=list[HeldSlotsAnswer])
async def read_slots_of_flow_run(id: Id, context: ContextDep) -> Any:
    """The slots of concurrency limits that a flow run holds now, by a lease."""
    if not await context.store.read(flow_runs.exists, id):
        raise HTTPException(404, "Flow run not found")
    return await _slots(context, "flow_run", id)


async def _slots(context: Context, holder_type: HolderType, holder_id: str) -> list[dict[str, Any]]:
    held = await context.store.read(run_relations.slots_of, holder_type, holder_id, context.clock())
    return [
        {
            "limit": {"id": x.limit_id, "name": x.limit_name, "limit": x.limit},
            "slots": x.slots,
            "lease_id": x.lease_id,
            "expiration": None if x.expires == LASTING else x.expires,
        }
        for x in held
    ]
