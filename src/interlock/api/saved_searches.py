"""Routes for saved searches."""

from typing import Any

from fastapi import APIRouter, HTTPException
from starlette.responses import Response

from interlock.api.context import ContextDep
from interlock.api.paging import Limit, Offset
from interlock.api.schemas.base import Id
from interlock.api.schemas.saved_searches import SavedSearchAnswer, SavedSearchCreateBody
from interlock.api.wire_route import WireRoute
from interlock.storage.queries import saved_searches

router = APIRouter(prefix="/saved_searches", tags=["Saved Searches"], route_class=WireRoute)


@router.put("/", response_model=SavedSearchAnswer, responses={201: {"model": SavedSearchAnswer}})
async def create_saved_search(body: SavedSearchCreateBody, context: ContextDep, response: Response) -> Any:
    """Save a search: 201 under a new name, 200 where it takes the place of another of its name."""
    filters = [x.model_dump() for x in body.filters]
    search, made = await context.batcher.write(
        saved_searches.create_or_replace, context.chance.new_id(), body.name, filters, context.clock()
    )
    response.status_code = 201 if made else 200
    return search


@router.post("/filter", response_model=list[SavedSearchAnswer])
async def read_saved_searches(context: ContextDep, limit: Limit, offset: Offset = 0) -> Any:
    """All saved searches, by name."""
    return await context.store.read(saved_searches.page, limit, offset)


@router.get("/{id}", response_model=SavedSearchAnswer)
async def read_saved_search(id: Id, context: ContextDep) -> Any:
    """One saved search."""
    search = await context.store.read(saved_searches.by_id, id)
    if search is None:
        raise HTTPException(404, "Saved search not found")
    return search


@router.delete("/{id}", status_code=204)
async def delete_saved_search(id: Id, context: ContextDep) -> Response:
    """Delete a saved search."""
    if not await context.batcher.write(saved_searches.delete_one, id):
        raise HTTPException(404, "Saved search not found")
    return Response(status_code=204)
