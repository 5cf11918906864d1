"""Block schemas as clients see them: with the schemas that they refer to among their definitions.

What lives here: putting the fields of schemas together. What does not: where the schemas come from
(queries/block_schemas.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interlock.storage.blocks.definitions import Fields


@dataclass(frozen=True)
class SchemaNode:
    """A stored schema: its own fields, and for each reference the field's name and the id of the other schema."""

    checksum: str
    block_type_slug: str
    fields: Fields
    references: Sequence[tuple[str, str]]


def full_fields(schema_id: str, nodes: Mapping[str, SchemaNode]) -> Fields:
    """The fields of a schema with its references, and the fields of all schemas below it as definitions.

    `nodes` holds all that the schema refers to, directly or not. No schema refers to itself.
    """
    node = nodes[schema_id]
    fields = node.fields | {"block_schema_references": _references(node, nodes)}
    definitions = dict(fields.get("definitions") or {})
    for _, below in node.references:
        definitions |= _definitions_of(full_fields(below, nodes))
    return fields | {"definitions": definitions} if definitions else fields


def _references(node: SchemaNode, nodes: Mapping[str, SchemaNode]) -> dict[str, Any]:
    """The references by field; a field that takes several kinds of block has a list of them."""
    found: dict[str, list[dict[str, str]]] = {}
    for field, other in node.references:
        reference = {
            "block_schema_checksum": nodes[other].checksum,
            "block_type_slug": nodes[other].block_type_slug,
        }
        known = found.setdefault(field, [])
        if reference not in known:
            known.append(reference)
    return {field: known if len(known) > 1 else known[0] for field, known in found.items()}


def _definitions_of(fields: Fields) -> dict[str, Any]:
    """A schema as definitions of a schema above it: definitions are one flat mapping by title."""
    title = fields.get("title")
    if title is None:
        return {}
    own = {key: x for key, x in fields.items() if key != "definitions"}
    return {title: own, **(fields.get("definitions") or {})}
