"""Routes for what blocks can do."""

from fastapi import APIRouter

from interlock.api.context import ContextDep
from interlock.api.wire_route import WireRoute
from interlock.storage.queries import block_schemas

router = APIRouter(prefix="/block_capabilities", tags=["Block capabilities"], route_class=WireRoute)


@router.get("/")
async def read_available_block_capabilities(context: ContextDep) -> list[str]:
    """Every capability that a block schema has."""
    return await context.store.read(block_schemas.capabilities)
