"""Routes for block documents."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from starlette.responses import Response

from interlock.api.context import ContextDep
from interlock.api.paging import Limit, Offset
from interlock.api.schemas.base import Id
from interlock.api.schemas.block_filters import (
    BlockDocumentFilter,
    BlockDocumentSort,
    BlockSchemaFilter,
    BlockTypeFilter,
    IncludeSecrets,
    wanted,
)
from interlock.api.schemas.blocks import BlockDocumentAnswer, BlockDocumentCreateBody, BlockDocumentUpdateBody
from interlock.api.wire_route import WireRoute
from interlock.storage.blocks.references import DocumentReferenceError
from interlock.storage.criteria import Condition
from interlock.storage.queries import block_document_writes, block_documents, block_filters
from interlock.storage.queries.block_document_writes import (
    DocumentChange,
    DocumentDraft,
    DocumentExistsError,
    OtherTypeError,
)

router = APIRouter(prefix="/block_documents", tags=["Block documents"], route_class=WireRoute)

Documents = Annotated[BlockDocumentFilter | None, Body(alias="block_documents")]
Types = Annotated[BlockTypeFilter | None, Body(alias="block_types")]
Schemas = Annotated[BlockSchemaFilter | None, Body(alias="block_schemas")]


@router.post("/", response_model=BlockDocumentAnswer, status_code=201)
async def create_block_document(body: BlockDocumentCreateBody, context: ContextDep) -> Any:
    """Create a block document. A field `{"$ref": {"block_document_id": ...}}` refers to another document."""
    draft = DocumentDraft(**dict(body))
    try:
        return await context.batcher.write(block_document_writes.create, draft, context.chance.new_id, context.clock())
    except DocumentExistsError as error:
        raise HTTPException(409, "Block already exists") from error
    except DocumentReferenceError as error:
        raise HTTPException(400, str(error)) from error


@router.post("/filter", response_model=list[BlockDocumentAnswer])
async def read_block_documents(
    context: ContextDep,
    limit: Limit,
    documents: Documents = None,
    types: Types = None,
    schemas: Schemas = None,
    include_secrets: Annotated[bool, Body(description="Show secret values instead of a mask.")] = False,
    sort: Annotated[BlockDocumentSort, Body()] = BlockDocumentSort.NAME_ASC,
    offset: Offset = 0,
) -> Any:
    """Block documents: those that fit, and of which the type and the schema fit."""
    which = _which(documents, types, schemas)
    return await context.store.read(block_documents.page, which, sort, limit, offset, include_secrets)


@router.post("/count")
async def count_block_documents(
    context: ContextDep, documents: Documents = None, types: Types = None, schemas: Schemas = None
) -> int:
    """How many block documents a filter asks for."""
    return await context.store.read(block_documents.count, _which(documents, types, schemas))


def _which(documents: Documents, types: Types, schemas: Schemas) -> Condition:
    asked = documents or BlockDocumentFilter()
    return block_filters.of_documents(asked.model_dump(exclude_none=True), wanted(types), wanted(schemas))


@router.get("/{id:uuid}", response_model=BlockDocumentAnswer)
async def read_block_document(id: Id, context: ContextDep, include_secrets: IncludeSecrets = False) -> Any:
    """One block document."""
    document = await context.store.read(block_documents.by_id, id, include_secrets)
    if document is None:
        raise _not_found()
    return document


@router.patch("/{id:uuid}", status_code=204)
async def update_block_document(id: Id, body: BlockDocumentUpdateBody, context: ContextDep) -> Response:
    """Change what a block document holds. References that the data does not name again are given up."""
    change = DocumentChange(body.data, body.merge_existing_data, body.block_schema_id) if body.changes_data() else None
    try:
        found = await context.batcher.write(
            block_document_writes.change, id, change, context.chance.new_id, context.clock()
        )
    except (DocumentReferenceError, OtherTypeError) as error:
        raise HTTPException(400, str(error)) from error
    if not found:
        raise _not_found()
    return Response(status_code=204)


@router.delete("/{id:uuid}", status_code=204)
async def delete_block_document(id: Id, context: ContextDep) -> Response:
    """Delete a block document. Those that refer to it lose the field."""
    if not await context.batcher.write(block_document_writes.delete_one, id):
        raise _not_found()
    return Response(status_code=204)


def _not_found() -> HTTPException:
    return HTTPException(404, "Block document not found")
