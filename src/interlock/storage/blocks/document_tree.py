"""Block documents as clients see them: with the data of the documents that they refer to in their own.

What lives here: putting the data of documents together. What does not: where the documents come from
(queries/block_documents.py), and what is secret in them (secret_values.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interlock.storage.blocks.secret_values import Data


@dataclass(frozen=True)
class DocumentNode:
    """A stored document: how others tell of it, its own data as it may be shown, and the field and id of each other
    document that it refers to."""

    about: Mapping[str, Any]
    data: Data
    references: Sequence[tuple[str, str]]


def full_data(document_id: str, nodes: Mapping[str, DocumentNode]) -> tuple[Data, dict[str, Any]]:
    """The data of a document with that of all documents below it, and for each field that is one, what it is.

    `nodes` holds all that the document refers to, directly or not. No document refers to itself.
    """
    node = nodes[document_id]
    data, references = dict(node.data), dict[str, Any]()
    for field, below in node.references:
        data[field], below_it = full_data(below, nodes)
        references[field] = {"block_document": {**nodes[below].about, "block_document_references": below_it}}
    return data, references
