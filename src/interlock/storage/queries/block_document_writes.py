"""Block documents changed: created, updated, deleted.

The data of a document is sealed as a whole; its references are rows of their own.

What lives here: changes. What does not: how documents are read (block_documents.py).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from interlock.orchestration.refusals import ConflictError
from interlock.storage.blocks.references import DocumentReferenceError, self_reference, split_references
from interlock.storage.blocks.secret_values import unmasked
from interlock.storage.queries import block_documents as reads
from interlock.storage.queries import block_schemas, block_types, flow_runs
from interlock.storage.queries.block_documents import Document
from interlock.storage.queries.block_links import DOCUMENT_LINKS, links_below, with_targets
from interlock.storage.queries.locks import BLOCKS, hold
from interlock.storage.queries.sealing import seal_made, seal_of
from interlock.storage.tables import block_document_references, block_documents

_columns, _links = block_documents.c, block_document_references.c


class DocumentExistsError(Exception):
    """A type has a document of this name already."""


class OtherTypeError(Exception):
    """A document was to take a schema of another type than its own."""


@dataclass(frozen=True)
class DocumentDraft:
    """A document to be created. An anonymous one needs no name."""

    name: str | None
    data: Mapping[str, Any]
    block_schema_id: str
    block_type_id: str
    is_anonymous: bool


def create(conn: Connection, draft: DocumentDraft, new_id: Callable[[], str], now: datetime) -> Document:
    """A new document.

    Raises DocumentExistsError, DocumentReferenceError, and ConflictError or IntegrityError where its type, its schema
    or a document it refers to does not exist.
    """
    hold(conn, BLOCKS, shared=True)
    block_type = block_types.by_id(conn, draft.block_type_id)
    if block_type is None:
        raise ConflictError(f"block type {draft.block_type_id} not found")
    if draft.name and _named(conn, draft.block_type_id, draft.name):
        raise DocumentExistsError
    values, references = split_references(draft.data)
    row = {
        "id": new_id(),
        "created": now,
        "updated": now,
        "name": draft.name or f"anonymous-{new_id()}",
        "data": seal_made(conn).seal(values),
        "is_anonymous": draft.is_anonymous,
        "block_type_name": block_type["name"],
        "block_type_id": draft.block_type_id,
        "block_schema_id": draft.block_schema_id,
    }
    conn.execute(insert(block_documents), row)
    _refer(conn, row["id"], references, new_id, now)
    made = reads.by_id(conn, row["id"], reveal=False)
    assert made is not None
    return made


def _named(conn: Connection, type_id: str, name: str) -> bool:
    query = select(_columns.id).where(_columns.block_type_id == type_id, _columns.name == name)
    return conn.execute(query).first() is not None


def _refer(
    conn: Connection, document_id: str, references: dict[str, str], new_id: Callable[[], str], now: datetime
) -> None:
    """Make these the references of a document, in place of those that it has."""
    conn.execute(delete(block_document_references).where(_links.parent_block_document_id == document_id))
    rows = [
        {
            "id": new_id(),
            "created": now,
            "updated": now,
            "name": field,
            "parent_block_document_id": document_id,
            "reference_block_document_id": target,
        }
        for field, target in references.items()
    ]
    if rows:
        conn.execute(insert(block_document_references), rows)


@dataclass(frozen=True)
class DocumentChange:
    """New data for a document, instead of what it holds or merged into it, and perhaps another schema of its type."""

    data: Mapping[str, Any]
    merge: bool
    block_schema_id: str | None


def change(
    conn: Connection, document_id: str, wanted: DocumentChange | None, new_id: Callable[[], str], now: datetime
) -> bool:
    """Change a document if anything is wanted; whether it exists.

    References that the new data does not name again are given up, whether it is merged or not.

    Raises DocumentReferenceError, OtherTypeError, and ConflictError or IntegrityError where the schema or a document it
    refers to does not exist.
    """
    hold(conn, BLOCKS)
    row = conn.execute(select(block_documents).where(_columns.id == document_id)).mappings().first()
    if row is None or wanted is None:
        return row is not None
    seal = seal_of(conn)
    values, references = split_references(_new_data(conn, row, seal.unseal(row["data"]), wanted))
    _check_references(conn, document_id, references)
    changed = {
        "data": seal.seal(values),
        "block_schema_id": _new_schema(conn, row, wanted.block_schema_id),
        "updated": now,
    }
    conn.execute(update(block_documents).where(_columns.id == document_id).values(changed))
    _refer(conn, document_id, references, new_id, now)
    return True


def _new_data(conn: Connection, row: RowMapping, current: dict[str, Any], wanted: DocumentChange) -> dict[str, Any]:
    schema = block_schemas.by_id(conn, row["block_schema_id"])
    assert schema is not None
    new = unmasked(dict(wanted.data), current, reads.secret_paths(schema))
    return current | new if wanted.merge else new


def _check_references(conn: Connection, document_id: str, references: dict[str, str]) -> None:
    """Refuse references that lead back to the document."""
    for field, target in references.items():
        if target == document_id:
            raise self_reference()
        if document_id in with_targets((), links_below(conn, DOCUMENT_LINKS, [target])):
            raise DocumentReferenceError(f"The reference in key {field} leads back to the block document itself")


def _new_schema(conn: Connection, row: RowMapping, schema_id: str | None) -> str:
    """The schema that a document is to have; it may move among those of its type."""
    if schema_id is None or schema_id == row["block_schema_id"]:
        return str(row["block_schema_id"])
    schema = block_schemas.by_id(conn, schema_id)
    if schema is None:
        raise ConflictError(f"block schema {schema_id} not found")
    if schema["block_type_id"] != row["block_type_id"]:
        raise OtherTypeError("Must migrate block document to a block schema of the same block type.")
    return schema_id


def delete_one(conn: Connection, document_id: str) -> bool:
    """Delete a document; whether it existed. Those that refer to it lose the field."""
    hold(conn, BLOCKS)
    flow_runs.delete_of_blocks(conn, _columns.id == document_id)
    return conn.execute(delete(block_documents).where(_columns.id == document_id)).rowcount > 0
