"""Block documents read: found by id, by name and by filter, with the documents that they refer to and their schemas.

What lives here: queries. What does not: changes (block_document_writes.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, select

from interlock.storage.blocks.document_tree import DocumentNode, full_data
from interlock.storage.blocks.secret_values import masked
from interlock.storage.queries import block_schemas, block_types
from interlock.storage.queries.block_links import DOCUMENT_LINKS, by_parent, links_below, with_targets
from interlock.storage.queries.block_schemas import Schema
from interlock.storage.queries.sealing import seal_of
from interlock.storage.tables import block_documents

Document = dict[str, Any]
"""A document's columns, with its data, and with `block_schema`, `block_type` and `block_document_references`."""

_columns = block_documents.c
_BY_NAME = (_columns.name, _columns.id)
_ORDERS: Mapping[str, Sequence[ColumnElement[Any]]] = {
    "NAME_ASC": _BY_NAME,
    "NAME_DESC": (_columns.name.desc(), _columns.id),
    "BLOCK_TYPE_AND_NAME_ASC": (_columns.block_type_name, *_BY_NAME),
}


def by_id(conn: Connection, document_id: str, reveal: bool) -> Document | None:
    """One document; `reveal` shows its secrets."""
    return next(iter(_documents(conn, [document_id], reveal)), None)


def by_name(conn: Connection, slug: str, name: str, reveal: bool) -> Document | None:
    """The document of this name among those of a type."""
    block_type = block_types.by_slug(conn, slug)
    if block_type is None:
        return None
    which = and_(_columns.block_type_id == block_type["id"], _columns.name == name)
    return next(iter(page(conn, which, "NAME_ASC", 1, 0, reveal)), None)


def listed_of_type(conn: Connection, slug: str, reveal: bool) -> list[Document] | None:
    """The documents of a type by name, without anonymous ones; None where there is no such type."""
    block_type = block_types.by_slug(conn, slug)
    if block_type is None:
        return None
    which = and_(_columns.block_type_id == block_type["id"], _columns.is_anonymous.is_(False))
    return page(conn, which, "NAME_ASC", None, 0, reveal)


def page(
    conn: Connection, which: ColumnElement[bool], sort: str, limit: int | None, offset: int, reveal: bool
) -> list[Document]:
    """Documents in the order of `sort`; all of them from the offset on where there is no limit."""
    query = select(_columns.id).where(which).order_by(*_ORDERS[sort]).limit(limit).offset(offset)
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
    query = select(block_documents).where(_columns.id.in_(document_ids)).order_by(*_BY_NAME)
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
