"""What block types, schemas and documents can be filtered by."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, exists, select, true

from interlock.storage.criteria import Condition, Criteria, condition, contains, equal, has_all, one_of
from interlock.storage.tables import block_documents, block_schemas, block_types

Filter = Mapping[str, Any]
"""A filter as `criteria.condition` takes it."""

TYPES: Criteria = {
    "name": {"like_": contains(block_types.c.name)},
    "slug": {"any_": one_of(block_types.c.slug)},
}
SCHEMAS: Criteria = {
    "block_type_id": {"any_": one_of(block_schemas.c.block_type_id)},
    "block_capabilities": {"all_": has_all(block_schemas.c.capabilities)},
    "id": {"any_": one_of(block_schemas.c.id)},
    "version": {"any_": one_of(block_schemas.c.version)},
}
DOCUMENTS: Criteria = {
    "id": {"any_": one_of(block_documents.c.id)},
    "is_anonymous": {"eq_": equal(block_documents.c.is_anonymous)},
    "block_type_id": {"any_": one_of(block_documents.c.block_type_id)},
    "name": {"any_": one_of(block_documents.c.name), "like_": contains(block_documents.c.name)},
}


def of_types(types: Filter | None, schemas: Filter | None) -> Condition:
    """Block types that fit, of which a schema fits."""
    of_type = block_schemas.c.block_type_id == block_types.c.id
    return and_(condition(types or {}, TYPES), _has(of_type, schemas, SCHEMAS))


def of_schemas(schemas: Filter | None) -> Condition:
    """Block schemas that fit."""
    return condition(schemas or {}, SCHEMAS)


def of_documents(documents: Filter, types: Filter | None, schemas: Filter | None) -> Condition:
    """Block documents that fit, of which the type and the schema fit."""
    of_type = block_types.c.id == block_documents.c.block_type_id
    of_schema = block_schemas.c.id == block_documents.c.block_schema_id
    return and_(condition(documents, DOCUMENTS), _has(of_type, types, TYPES), _has(of_schema, schemas, SCHEMAS))


def _has(link: Condition, wanted: Filter | None, criteria: Criteria) -> Condition:
    """There is a linked record that fits; no matter whether there is one where nothing is asked of it."""
    return true() if wanted is None else exists(select(1).where(link, condition(wanted, criteria)))
