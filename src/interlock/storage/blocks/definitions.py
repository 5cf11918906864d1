"""The fields of a block schema: their checksum, and the definitions and schemas that they refer to.

The fields are a JSON schema with keys of its own: `block_type_slug`, `secret_fields` and `block_schema_references`. A
definition with a `block_type_slug` describes another block; it is kept as a schema of its own.

What lives here: what can be told from one document of fields. What does not: how schemas go together (schema_tree.py).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PREFIX = "#/definitions/"

Fields = dict[str, Any]
Definitions = dict[str, Any]


class FieldsError(ValueError):
    """Fields that can't be kept as a schema; the message says why."""


@dataclass(frozen=True)
class SchemaReference:
    """A field that holds a block of another schema."""

    field: str
    block_type_slug: str
    checksum: str


def checksum(fields: Fields) -> str:
    """The checksum that clients reckon for these fields. It covers neither secret fields nor definitions of blocks."""
    covered = with_own_definitions(_without_secret_fields(fields))
    # Clients hash the fields as the one argument of a call: a list of arguments, and no named ones.
    text = json.dumps([[covered], {}], sort_keys=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _without_secret_fields(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: _without_secret_fields(x) for key, x in value.items() if key != "secret_fields"}


def definitions_of(fields: Fields) -> Definitions:
    """The definitions among the fields; raises FieldsError."""
    definitions = fields.get("definitions") or {}
    if not isinstance(definitions, dict):
        raise FieldsError("The definitions of a block schema must be an object.")
    return definitions


def with_own_definitions(fields: Fields) -> Fields:
    """The fields with only those definitions that they refer to and that describe no block; without the key if none."""
    if not (definitions := definitions_of(fields)):
        return fields
    own = _own_definitions(fields, definitions)
    return {**fields, "definitions": own} if own else {key: x for key, x in fields.items() if key != "definitions"}


def _own_definitions(fields: Fields, definitions: Definitions) -> Definitions:
    found: Definitions = {}
    waiting = list(_referred_names(fields))
    while waiting:
        name = waiting.pop(0)
        definition = definitions.get(name)
        if name not in found and definition and not _describes_block(definition):
            found[name] = definition
            waiting = [*_referred_names(definition), *waiting]
    return found


def _describes_block(definition: Any) -> bool:
    return isinstance(definition, Mapping) and definition.get("block_type_slug") is not None


def _referred_names(value: Any) -> Iterator[str]:
    """The names of the definitions that are referred to anywhere in the value, outermost first."""
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield reference.removeprefix(PREFIX)
        for member in value.values():
            yield from _referred_names(member)
    elif isinstance(value, list):
        for element in value:
            yield from _referred_names(element)


def schema_references(fields: Fields) -> list[SchemaReference]:
    """The other schemas that the fields name; raises FieldsError. A field may name several, as kinds to choose from."""
    references = fields.get("block_schema_references") or {}
    if not isinstance(references, dict):
        raise FieldsError("The block schema references of a block schema must be an object.")
    return [
        _schema_reference(field, entry)
        for field, entries in references.items()
        for entry in (entries if isinstance(entries, list) else [entries])
    ]


def _schema_reference(field: str, entry: Any) -> SchemaReference:
    match entry:
        case {"block_type_slug": str(slug), "block_schema_checksum": str(of_fields)}:
            return SchemaReference(field, slug, of_fields)
    raise FieldsError(f"The block schema reference of field {field!r} must name a block type and a checksum.")


def definition_of_block(fields: Fields, definitions: Definitions, field: str, slug: str) -> Fields:
    """The definition of the block of the type `slug` that a field of these fields holds; raises FieldsError."""
    properties = fields.get("properties")
    held = properties.get(field) if isinstance(properties, dict) else None
    found = [definitions.get(x) for x in _referred_names(held)]
    fitting = found if len(found) == 1 else [x for x in found if _slug(x) == slug]
    if not fitting or not isinstance(fitting[0], dict):
        raise FieldsError(f"Field {field!r} holds a block of type {slug!r}, which no definition describes.")
    return fitting[0]


def _slug(definition: Any) -> Any:
    return definition.get("block_type_slug") if isinstance(definition, dict) else None
