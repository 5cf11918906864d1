"""Outlines: what an OpenAPI document says of each operation, as flat names.

What lives here: from a document to outlines. What does not: their comparison (page.py), and where documents come from
(peer.py).
"""

import re
from collections.abc import Iterator
from typing import Any, TypedDict

METHODS = ("get", "post", "put", "patch", "delete")
Document = dict[str, Any]


class Outline(TypedDict):
    """An operation: its tag, and the names of what goes in and comes out.

    A field within another is named by its path: `flow_runs.name.any_`. Fields of the members of a list, and of the
    alternatives of a choice, are named as if there were one of them.
    """

    tag: str
    parameters: list[str]
    body: list[str]
    answer: list[str]


Outlines = dict[str, Outline]
"""By method and path, `POST /flows/`, in the document's order."""


def outlines(document: Document) -> Outlines:
    """Every operation of a document. Headers are left out: they are looked at for all operations alike."""
    return {
        f"{method.upper()} {path}": _outline(document, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in METHODS
    }


def shape(operation: str) -> str:
    """The operation whatever its path's parameters are called."""
    return re.sub(r"\{[^}]*\}", "{}", operation)


def _outline(document: Document, operation: Document) -> Outline:
    parameters = [x["name"] for x in operation.get("parameters", []) if x["in"] == "query"]
    answers = [x for status, x in operation.get("responses", {}).items() if status.startswith("2")]
    return {
        "tag": " ".join(operation.get("tags", ["Root"])),
        "parameters": sorted(parameters),
        "body": _fields(document, [operation.get("requestBody", {})]),
        "answer": _fields(document, answers),
    }


def _fields(document: Document, carriers: list[Document]) -> list[str]:
    schemas = [content.get("schema", {}) for x in carriers for content in x.get("content", {}).values()]
    return sorted({name for schema in schemas for name in _names(document, schema, ())})


def _names(document: Document, schema: Document, within: tuple[str, ...]) -> Iterator[str]:
    """The paths of a schema's fields. `within` are the schemas around it: one inside itself adds nothing."""
    reference = schema.get("$ref")
    if reference is not None:
        if reference not in within:
            yield from _names(document, _resolved(document, reference), (*within, reference))
        return
    for choice in ("anyOf", "oneOf", "allOf"):
        for member in schema.get(choice, ()):
            yield from _names(document, member, within)
    if isinstance(schema.get("items"), dict):
        yield from _names(document, schema["items"], within)
    yield from _keys(document, schema.get("propertyNames", {}))
    for name, field in schema.get("properties", {}).items():
        yield name
        yield from (f"{name}.{x}" for x in _names(document, field, within))


def _keys(document: Document, names: Document) -> list[str]:
    """The keys of an object that has some of a list of keys."""
    reference = names.get("$ref")
    found: list[str] = (_resolved(document, reference) if reference else names).get("enum", [])
    return found


def _resolved(document: Document, reference: str) -> Document:
    found: Document = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found
