"""Routes for the block that keeps results where a client says nothing of its own."""

from typing import Any

from fastapi import APIRouter, HTTPException
from starlette.responses import Response

from interlock.api.context import ContextDep
from interlock.api.schemas.base import Answer, Body, Id
from interlock.api.wire_route import WireRoute
from interlock.storage.queries import default_storage

router = APIRouter(prefix="/admin/storage", tags=["Admin"], route_class=WireRoute)


class DefaultStorageBody(Body):
    """The choice of a block."""

    default_result_storage_block_id: Id


class DefaultStorageAnswer(Answer):
    """The block that is chosen, if any."""

    default_result_storage_block_id: Id | None


@router.get("", response_model=DefaultStorageAnswer)
async def read_default_storage(context: ContextDep) -> Any:
    """The block that keeps results by default, null where there is none."""
    return {"default_result_storage_block_id": await context.store.read(default_storage.read)}


@router.put("", response_model=DefaultStorageAnswer)
async def choose_default_storage(body: DefaultStorageBody, context: ContextDep) -> Any:
    """Have a block keep results by default: one whose schema is capable of `write-path`."""
    block_id = body.default_result_storage_block_id
    try:
        if not await context.batcher.write(default_storage.choose, block_id):
            raise HTTPException(404, f"Block document {block_id} not found.")
    except default_storage.UnfitBlockError as error:
        raise HTTPException(422, f"Block document {block_id} cannot be used for result storage.") from error
    return {"default_result_storage_block_id": block_id}


@router.delete("", status_code=204)
async def clear_default_storage(context: ContextDep) -> Response:
    """Have no block keep results by default."""
    await context.batcher.write(default_storage.clear)
    return Response(status_code=204)
