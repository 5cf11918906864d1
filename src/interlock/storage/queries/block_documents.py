"""Block documents read: found by id, by name and by filter, with the documents that they refer to and their schemas.

What lives here: queries. What does not: changes (block_document_writes.py).
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select

from interlock.storage.blocks.document_tree import DocumentNode, full_data
from interlock.storage.blocks.secret_values import masked
from interlock.storage.queries import block_schemas, block_types
from interlock.storage.queries.block_links import DOCUMENT_LINKS, by_parent, links_below, with_targets
from interlock.storage.queries.block_schemas import Schema
from interlock.storage.queries.sealing import seal_of
from interlock.storage.tables import block_documents
from interlock.storage.tables import block_types as types_table

Document = dict[str, Any]
"""A document's columns, with its data, and with `block_schema`, `block_type` and `block_document_references`."""

Order = Sequence[ColumnElement[Any]]

_columns = block_documents.c
BY_NAME: Order = (_columns.name, _columns.id)
BY_NAME_DESCENDING: Order = (_columns.name.desc(), _columns.id.desc())
BY_TYPE_AND_NAME: Order = (_columns.block_type_name, _columns.name, _columns.id)


def by_id(conn: Connection, document_id: str, reveal: bool) -> Document | None:
    """One document; `reveal` shows its secrets."""
    return next(iter(_documents(conn, [document_id], reveal)), None)


def by_name(conn: Connection, slug: str, name: str, reveal: bool) -> Document | None:
    """The document of this name among those of a type."""
    of_type = _columns.block_type_id == types_table.c.id
    query = select(_columns.id).where(of_type, types_table.c.slug == slug, _columns.name == name)
    return next(iter(_documents(conn, conn.execute(query).scalars().all(), reveal)), None)


def page(
    conn: Connection, which: ColumnElement[bool], order: Order, limit: int | None, offset: int, reveal: bool
) -> list[Document]:
    """Documents in an order; all of them from the offset on where there is no limit."""
    query = select(_columns.id).where(which).order_by(*order).limit(limit).offset(offset)
    return _documents(conn, conn.execute(query).scalars().all(), reveal)


def count(conn: Connection, which: ColumnElement[bool]) -> int:
    """How many documents fit."""
    return conn.execute(select(func.count()).select_from(block_documents).where(which)).scalar_one()


def _documents(conn: Connection, document_ids: Sequence[str], reveal: bool) -> list[Document]:
    """The documents of these ids in their order, without those that do not exist."""
    links = links_below(conn, DOCUMENT_LINKS, document_ids)
    rows = _rows(conn, with_targets(document_ids, links))
    types = block_types.by_ids(conn, {row["block_type_id"] for row in rows.values()})
    schemas = block_schemas.by_ids(conn, {row["block_schema_id"] for row in rows.values()})
    data = _data(conn, rows.values(), schemas, reveal)
    references = by_parent(links, rows)
    nodes = {key: DocumentNode(_about(row, types), data[key], references.get(key, ())) for key, row in rows.items()}
    return [_document(rows[key], types, schemas, nodes) for key in document_ids if key in rows]


def _rows(conn: Connection, document_ids: set[str]) -> dict[str, RowMapping]:
    """Rows by their ids, in the order of their names."""
    query = select(block_documents).where(_columns.id.in_(document_ids)).order_by(*BY_NAME)
    return {row["id"]: row for row in conn.execute(query).mappings()}


def _data(
    conn: Connection, rows: Iterable[RowMapping], schemas: dict[str, Schema], reveal: bool
) -> dict[str, dict[str, Any]]:
    """The data of documents by their ids, with their secrets or without."""
    if not rows:
        return {}
    seal = seal_of(conn)
    data = {row["id"]: seal.unseal(row["data"]) for row in rows}
    if reveal:
        return data
    return {row["id"]: masked(data[row["id"]], secret_paths(schemas[row["block_schema_id"]])) for row in rows}


def secret_paths(schema: Schema) -> list[str]:
    """Where a schema's documents hold secrets."""
    return [x for x in schema["fields"].get("secret_fields") or () if isinstance(x, str)]


def _about(row: RowMapping, types: dict[str, RowMapping]) -> dict[str, Any]:
    """What a document that refers to this one tells of it."""
    return {
        "id": row["id"],
        "name": row["name"],
        "block_type": types[row["block_type_id"]],
        "is_anonymous": row["is_anonymous"],
    }


def _document(
    row: RowMapping, types: dict[str, RowMapping], schemas: dict[str, Schema], nodes: dict[str, DocumentNode]
) -> Document:
    data, references = full_data(row["id"], nodes)
    return {
        **row,
        "data": data,
        "block_type": types[row["block_type_id"]],
        "block_schema": schemas[row["block_schema_id"]],
        "block_document_references": references,
    }
