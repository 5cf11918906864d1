"""Routes for block types, and for the documents of a type."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from starlette.responses import Response

from interlock.api.context import ContextDep
from interlock.api.paging import Limit, Offset
from interlock.api.schemas.base import Id
from interlock.api.schemas.block_filters import BlockSchemaFilter, BlockTypeFilter, IncludeSecrets, wanted
from interlock.api.schemas.blocks import BlockDocumentAnswer, BlockTypeAnswer, BlockTypeCreateBody, BlockTypeUpdateBody
from interlock.api.wire_route import WireRoute
from interlock.storage.queries import block_documents, block_filters, block_types, system_blocks

router = APIRouter(prefix="/block_types", tags=["Block types"], route_class=WireRoute)

RESERVED_PREFIX = "prefect"


@router.post("/", response_model=BlockTypeAnswer, status_code=201)
async def create_block_type(body: BlockTypeCreateBody, context: ContextDep) -> Any:
    """Create a block type."""
    if body.name.lower().startswith(RESERVED_PREFIX):
        raise HTTPException(403, "Block type names beginning with 'Prefect' are reserved.")
    made = await context.batcher.write(block_types.create, context.chance.new_id(), body.values(), context.clock())
    if made is None:
        raise HTTPException(409, f'Block type with name "{body.name}" already exists')
    return made


@router.post("/filter", response_model=list[BlockTypeAnswer])
async def read_block_types(
    context: ContextDep,
    limit: Limit,
    types: Annotated[BlockTypeFilter | None, Body(alias="block_types")] = None,
    schemas: Annotated[BlockSchemaFilter | None, Body(alias="block_schemas")] = None,
    offset: Offset = 0,
) -> Any:
    """Block types by name: those that fit, and of which a schema fits."""
    which = block_filters.of_types(wanted(types), wanted(schemas))
    return await context.store.read(block_types.page, which, limit, offset)


@router.post("/install_system_block_types")
async def install_system_block_types(context: ContextDep) -> None:
    """Have the block types that each server has of its own."""
    await context.batcher.write(system_blocks.install, context.chance.new_id, context.clock())


@router.get("/slug/{slug}", response_model=BlockTypeAnswer)
async def read_block_type_by_slug(slug: str, context: ContextDep) -> Any:
    """The block type of this slug."""
    return _found(await context.store.read(block_types.by_slug, slug))


@router.get("/slug/{slug}/block_documents", response_model=list[BlockDocumentAnswer], tags=["Block documents"])
async def read_block_documents_for_block_type(
    slug: str, context: ContextDep, include_secrets: IncludeSecrets = False
) -> Any:
    """The documents of a type by name, without anonymous ones."""
    return _found(await context.store.read(block_documents.listed_of_type, slug, include_secrets))


@router.get(
    "/slug/{slug}/block_documents/name/{block_document_name}",
    response_model=BlockDocumentAnswer,
    tags=["Block documents"],
)
async def read_block_document_by_name_for_block_type(
    slug: str, block_document_name: str, context: ContextDep, include_secrets: IncludeSecrets = False
) -> Any:
    """The document of this name among those of a type."""
    document = await context.store.read(block_documents.by_name, slug, block_document_name, include_secrets)
    if document is None:
        raise HTTPException(404, "Block document not found")
    return document


@router.get("/{id}", response_model=BlockTypeAnswer)
async def read_block_type(id: Id, context: ContextDep) -> Any:
    """One block type."""
    return _found(await context.store.read(block_types.by_id, id))


@router.patch("/{id}", status_code=204)
async def update_block_type(id: Id, body: BlockTypeUpdateBody, context: ContextDep) -> Response:
    """Change what a block type says of itself."""
    values = body.model_dump(exclude_unset=True)
    if not await context.batcher.write(block_types.change, id, values, context.clock()):
        raise _not_found()
    return Response(status_code=204)


@router.delete("/{id}", status_code=204)
async def delete_block_type(id: Id, context: ContextDep) -> Response:
    """Delete a block type with its schemas and documents."""
    block_type = _found(await context.batcher.write(block_types.delete_one, id))
    if block_type["is_protected"]:
        raise HTTPException(403, "protected block types cannot be deleted.")
    return Response(status_code=204)


def _found(answer: Any) -> Any:
    if answer is None:
        raise _not_found()
    return answer


def _not_found() -> HTTPException:
    return HTTPException(404, "Block type not found")
