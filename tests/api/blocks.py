"""Short ways to make blocks over HTTP; each returns the answer's body."""

from typing import Any

import httpx

from tests.api.records import made, unique


def new_type(api: httpx.Client, **fields: Any) -> Any:
    name = unique("type")
    return made(api, "/block_types/", {"name": name, "slug": name, **fields})


def fields_of(title: str | None = None, **fields: Any) -> dict[str, Any]:
    """The fields of a schema that no other test uses."""
    return {"title": title or unique("Title"), "type": "object", "properties": {}, **fields}


def new_schema(api: httpx.Client, block_type: Any = None, fields: Any = None, **more: Any) -> Any:
    """A schema, of a type and with fields of its own unless they are given."""
    block_type = block_type or new_type(api)
    fields = fields or fields_of(block_type_slug=block_type["slug"])
    return made(api, "/block_schemas/", {"block_type_id": block_type["id"], "fields": fields, **more})


def new_document(api: httpx.Client, schema: Any = None, **fields: Any) -> Any:
    """A document, of a schema of its own unless one is given."""
    schema = schema or new_schema(api)
    ids = {"block_schema_id": schema["id"], "block_type_id": schema["block_type_id"]}
    name = {} if fields.get("is_anonymous") else {"name": unique("document")}
    return made(api, "/block_documents/", {**name, **ids, **fields})


def link(document: Any) -> dict[str, Any]:
    """What a field holds to refer to a document."""
    return {"$ref": {"block_document_id": document["id"]}}


def revealed(api: httpx.Client, document: Any) -> Any:
    """A document as it is now, with its secrets."""
    return api.get(f"/block_documents/{document['id']}?include_secrets=true").json()
