"""Routes for block schemas."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException, Query
from starlette.responses import Response

from interlock.api.context import ContextDep
from interlock.api.paging import Limit, Offset
from interlock.api.schemas.base import Id
from interlock.api.schemas.block_filters import BlockSchemaFilter, wanted
from interlock.api.schemas.blocks import BlockSchemaAnswer, BlockSchemaCreateBody
from interlock.api.wire_route import WireRoute
from interlock.storage.blocks.definitions import FieldsError
from interlock.storage.queries import block_filters, block_schemas
from interlock.storage.queries.block_schemas import MissingBlockTypeError, MissingNestedTypeError, SchemaDraft

router = APIRouter(prefix="/block_schemas", tags=["Block schemas"], route_class=WireRoute)

STATUSES = {MissingBlockTypeError: 404, MissingNestedTypeError: 409, FieldsError: 422}


@router.post("/", response_model=BlockSchemaAnswer, status_code=201, responses={200: {"model": BlockSchemaAnswer}})
async def create_block_schema(body: BlockSchemaCreateBody, context: ContextDep, response: Response) -> Any:
    """Create a block schema, or answer 200 with the one that has the same fields and version."""
    draft = SchemaDraft(**dict(body))
    try:
        schema, made = await context.batcher.write(
            block_schemas.register, draft, context.chance.new_id, context.clock()
        )
    except tuple(STATUSES) as error:
        raise HTTPException(STATUSES[type(error)], str(error)) from error
    response.status_code = 201 if made else 200
    return schema


@router.post("/filter", response_model=list[BlockSchemaAnswer])
async def read_block_schemas(
    context: ContextDep,
    limit: Limit,
    schemas: Annotated[BlockSchemaFilter | None, Body(alias="block_schemas")] = None,
    offset: Offset = 0,
) -> Any:
    """Block schemas, the newest first."""
    which = block_filters.of_schemas(wanted(schemas))
    return await context.store.read(block_schemas.page, which, limit, offset)


@router.get("/checksum/{checksum}", response_model=BlockSchemaAnswer)
async def read_block_schema_by_checksum(
    checksum: str,
    context: ContextDep,
    version: Annotated[str | None, Query(description="The newest of any version if none is given.")] = None,
) -> Any:
    """The block schema of this checksum."""
    return _found(await context.store.read(block_schemas.by_checksum, checksum, version))


@router.get("/{id}", response_model=BlockSchemaAnswer)
async def read_block_schema(id: Id, context: ContextDep) -> Any:
    """One block schema."""
    return _found(await context.store.read(block_schemas.by_id, id))


@router.delete("/{id}", status_code=204)
async def delete_block_schema(id: Id, context: ContextDep) -> Response:
    """Delete a block schema with its documents."""
    schema = _found(await context.batcher.write(block_schemas.delete_one, id))
    if schema["block_type"]["is_protected"]:
        raise HTTPException(403, "Block schemas for protected block types cannot be deleted.")
    return Response(status_code=204)


def _found(schema: Any) -> Any:
    if schema is None:
        raise HTTPException(404, "Block schema not found")
    return schema
