"""References from one block document to others: `{"$ref": {"block_document_id": ...}}` in place of a field's value.

What lives here: telling references from values. What does not: what they refer to (queries/block_documents.py).
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID


class DocumentReferenceError(ValueError):
    """A reference that can't be kept; the message says why."""


def split_references(data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The values of the data, and for each field that is a reference the id it refers to.

    A field is a reference as a whole; deeper in a value, and where `$ref` holds no object, it is a value like others.
    Raises DocumentReferenceError.
    """
    references = {field: _target(field, value["$ref"]) for field, value in data.items() if _is_reference(value)}
    return {field: value for field, value in data.items() if field not in references}, references


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("$ref"), dict)


def _target(field: str, reference: dict[str, Any]) -> str:
    document_id = reference.get("block_document_id")
    if document_id is None:
        raise DocumentReferenceError(f"Received block reference without a block_document_id in key {field}")
    try:
        return str(UUID(document_id))
    except (ValueError, TypeError, AttributeError):
        raise _found_when_stored(
            "reference_block_document_id", "value is not a valid uuid", "type_error.uuid"
        ) from None


def self_reference() -> DocumentReferenceError:
    """The error of a document that refers to itself."""
    message = "`parent_block_document_id` and `reference_block_document_id` cannot be the same"
    return _found_when_stored("__root__", message, "value_error")


def _found_when_stored(place: str, message: str, kind: str) -> DocumentReferenceError:
    """An error in the words in which clients know those that show only when a reference is stored."""
    return DocumentReferenceError(
        f"1 validation error for BlockDocumentReferenceCreate\n{place}\n  {message} (type={kind})"
    )
