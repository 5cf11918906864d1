"""Block schemas: registered once by checksum and version, found, deleted.

A schema that refers to others is kept without their definitions, which are put together again when it is read.
Deleting a schema deletes its documents.

What lives here: statements on block schemas and their references. What does not: what fields mean (../blocks/).
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, insert, select

from interlock.storage.blocks.definitions import (
    Definitions,
    Fields,
    FieldsError,
    SchemaReference,
    checksum,
    definition_of_block,
    definitions_of,
    schema_references,
    with_own_definitions,
)
from interlock.storage.blocks.schema_tree import SchemaNode, full_fields
from interlock.storage.queries import block_types, flow_runs
from interlock.storage.queries.block_links import SCHEMA_LINKS, by_parent, links_below, with_targets
from interlock.storage.queries.locks import BLOCK_SCHEMAS, BLOCKS, hold
from interlock.storage.tables import block_documents, block_schema_references, block_schemas

NO_VERSION = "non-versioned"

Schema = dict[str, Any]
"""A schema's columns, with its full fields, and its type under `block_type`."""


class MissingBlockTypeError(Exception):
    """The type of a schema is not known."""

    def __init__(self, block_type_id: str | None) -> None:
        super().__init__(f"Block type {block_type_id} not found.")


class MissingNestedTypeError(Exception):
    """The type of a block within a schema is not known."""

    def __init__(self, slug: str) -> None:
        super().__init__(
            f"Cannot create block schema because block type {slug!r} was not found.Did you forget to register the"
            " block type?"
        )


@dataclass(frozen=True)
class SchemaDraft:
    """A schema to be registered."""

    block_type_id: str | None
    fields: Fields
    capabilities: Sequence[str] = ()
    version: str = NO_VERSION


def register(conn: Connection, draft: SchemaDraft, new_id: Callable[[], str], now: datetime) -> tuple[Schema, bool]:
    """The schema with the draft's checksum and version, made if there is none; and whether it was made.

    Schemas within it that are not known yet are made from its definitions. Raises MissingBlockTypeError,
    MissingNestedTypeError and FieldsError.
    """
    hold(conn, BLOCKS, shared=True)
    if draft.block_type_id is None or block_types.by_id(conn, draft.block_type_id) is None:
        raise MissingBlockTypeError(draft.block_type_id)
    existing = _known(conn, draft)
    if existing is not None:
        return existing, False
    schema_id = _Registration(conn, new_id, now).insert(draft, definitions_of(draft.fields), ())
    made = by_id(conn, schema_id)
    assert made is not None
    return made | {"fields": _as_given(draft.fields, made["fields"])}, True


def _known(conn: Connection, draft: SchemaDraft) -> Schema | None:
    """The schema with the draft's checksum and version. Where there is none yet, others are kept from making any."""
    of_fields = checksum(draft.fields)
    found = by_checksum(conn, of_fields, draft.version)
    if found is None:
        hold(conn, BLOCK_SCHEMAS)
        found = by_checksum(conn, of_fields, draft.version)
    return found


def _as_given(given: Fields, stored: Fields) -> Fields:
    """The fields of a new schema: its definitions and references as they were given, all else as it is stored."""
    fields = stored | {"block_schema_references": given.get("block_schema_references") or {}}
    if "definitions" in given:
        return fields | {"definitions": given["definitions"]}
    return {key: x for key, x in fields.items() if key != "definitions"}


class _Registration:
    """One registration: a schema and, below it, those that it makes known."""

    def __init__(self, conn: Connection, new_id: Callable[[], str], now: datetime) -> None:
        self._conn, self._new_id, self._now = conn, new_id, now

    def insert(self, draft: SchemaDraft, definitions: Definitions, above: Sequence[str]) -> str:
        """Store a schema and what is below it; its id. `above` are the ids of the schemas it is within."""
        schema_id = self._new_id()
        fields = _within(draft.fields, definitions)
        own = {key: x for key, x in with_own_definitions(fields).items() if key != "block_schema_references"}
        row = {
            "id": schema_id,
            "created": self._now,
            "updated": self._now,
            "checksum": checksum(fields),
            "fields": json.dumps(own),
            "capabilities": list(draft.capabilities),
            "version": draft.version,
            "block_type_id": draft.block_type_id,
        }
        self._conn.execute(insert(block_schemas), row)
        lineage = (*above, schema_id)
        for reference in schema_references(draft.fields):
            self._refer(lineage, reference, self._referred(reference, own, definitions, lineage))
        return schema_id

    def _referred(
        self, reference: SchemaReference, fields: Fields, definitions: Definitions, lineage: Sequence[str]
    ) -> str:
        """The id of the schema that is referred to, which is made from its definition if it is not known."""
        slug = reference.block_type_slug
        block_type = block_types.by_slug(self._conn, slug)
        if block_type is None:
            raise MissingNestedTypeError(slug)
        known = _newest_id(self._conn, reference.checksum, None)
        if known is not None:
            return known
        nested = definition_of_block(fields, definitions, reference.field, slug)
        known = _newest_id(self._conn, checksum(_within(nested, definitions)), NO_VERSION)
        return known or self.insert(SchemaDraft(block_type["id"], nested), definitions, lineage)

    def _refer(self, lineage: Sequence[str], reference: SchemaReference, target: str) -> None:
        if target in lineage:
            raise FieldsError(f"The block schema refers to itself in field {reference.field!r}.")
        columns = block_schema_references.c
        link = {
            "name": reference.field,
            "parent_block_schema_id": lineage[-1],
            "reference_block_schema_id": target,
        }
        known = select(columns.id).where(*(columns[key] == value for key, value in link.items()))
        if self._conn.execute(known).first() is None:
            row = {"id": self._new_id(), "created": self._now, "updated": self._now, **link}
            self._conn.execute(insert(block_schema_references), row)


def _within(fields: Fields, definitions: Definitions) -> Fields:
    """Fields with the definitions of the schema they are registered with, be it their own or one above."""
    return {**fields, "definitions": definitions} if definitions else fields


def by_id(conn: Connection, schema_id: str) -> Schema | None:
    """One schema."""
    return by_ids(conn, [schema_id]).get(schema_id)


def by_checksum(conn: Connection, of_fields: str, version: str | None) -> Schema | None:
    """The newest schema with this checksum, of this version if one is given."""
    schema_id = _newest_id(conn, of_fields, version)
    return None if schema_id is None else by_id(conn, schema_id)


def _newest_id(conn: Connection, of_fields: str, version: str | None) -> str | None:
    columns = block_schemas.c
    query = select(columns.id).where(columns.checksum == of_fields)
    if version is not None:
        query = query.where(columns.version == version)
    return conn.execute(query.order_by(columns.created.desc(), columns.id.desc()).limit(1)).scalar()


def page(conn: Connection, which: ColumnElement[bool], limit: int, offset: int) -> list[Schema]:
    """Schemas, the newest first."""
    columns = block_schemas.c
    query = select(columns.id).where(which).order_by(columns.created.desc(), columns.id.desc())
    schema_ids = conn.execute(query.limit(limit).offset(offset)).scalars().all()
    found = by_ids(conn, schema_ids)
    return [found[x] for x in schema_ids]


def by_ids(conn: Connection, schema_ids: Iterable[str]) -> dict[str, Schema]:
    """Schemas by their ids, with full fields and their types."""
    wanted = set(schema_ids)
    links = links_below(conn, SCHEMA_LINKS, wanted)
    rows = _rows(conn, with_targets(wanted, links))
    types = block_types.by_ids(conn, {row["block_type_id"] for row in rows.values()})
    references = by_parent(links, rows)
    nodes = {
        key: SchemaNode(
            row["checksum"], types[row["block_type_id"]]["slug"], json.loads(row["fields"]), references.get(key, ())
        )
        for key, row in rows.items()
    }
    return {
        key: {**rows[key], "fields": full_fields(key, nodes), "block_type": types[rows[key]["block_type_id"]]}
        for key in wanted & rows.keys()
    }


def _rows(conn: Connection, schema_ids: set[str]) -> dict[str, RowMapping]:
    """Rows by their ids, in the order in which they were made."""
    columns = block_schemas.c
    query = select(block_schemas).where(columns.id.in_(schema_ids)).order_by(columns.created, columns.id)
    return {row["id"]: row for row in conn.execute(query).mappings()}


def delete_one(conn: Connection, schema_id: str) -> Schema | None:
    """Delete a schema with its documents, unless its type is protected; what it was, None where there was none."""
    hold(conn, BLOCKS)
    found = by_id(conn, schema_id)
    if found is not None and not found["block_type"]["is_protected"]:
        flow_runs.delete_of_blocks(conn, block_documents.c.block_schema_id == schema_id)
        conn.execute(delete(block_schemas).where(block_schemas.c.id == schema_id))
    return found


def capabilities(conn: Connection) -> list[str]:
    """Every capability that a schema has."""
    found = conn.execute(select(block_schemas.c.capabilities)).scalars()
    return sorted({capability for each in found for capability in each})
