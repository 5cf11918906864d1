"""Block types, schemas and documents over HTTP, as the client keeps its results and settings in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.comparison.build import call, delete, get, post
from tests.comparison.model import JSON, Case, Step
from tests.comparison.requests_small import creations, unknowns

TYPE: dict[str, JSON] = {"name": "Type {unique}", "slug": "type-{unique}"}
MADE_TYPE = post("/block_types/", TYPE, "type", record=False)


def fields(name: str = "Thing", **properties: JSON) -> dict[str, JSON]:
    """The fields of a block schema, as a client describes its class."""
    return {
        "title": name,
        "type": "object",
        "block_type_slug": "type-{unique}",
        "block_schema_references": {},
        "secret_fields": [],
        "properties": {"path": {"title": "Path", "type": "string"}, **properties},
    }


def cases() -> Iterator[Case]:
    for source in (types, schemas, documents, secrets, references):
        yield from source()


# --- types -----------------------------------------------------------------------------------------------------------

TYPES: dict[str, Any] = {
    "nothing more": {},
    "everything": {
        "logo_url": "https://example.com/logo.png",
        "documentation_url": "https://example.com/docs",
        "description": "d",
        "code_example": "code",
    },
    "reserved name": {"name": "Prefect {unique}"},
    "reserved name, lower case": {"name": "prefect{unique}"},
    "name with a slash": {"name": "a/{unique}"},
    "name null": {"name": None},
    "slug in capitals": {"slug": "Type-{unique}"},
    "slug with an underscore": {"slug": "type_{unique}"},
    "url as nonsense": {"logo_url": "no"},
    "url null": {"logo_url": None},
    "protected": {"is_protected": True},
    "unknown field": {"nobody": 1},
    "nothing": None,
}


def types() -> Iterator[Case]:
    family = "requests_block_types"
    look = get("/block_types/{made}", "read")
    yield from creations(family, "/block_types/", TYPE, TYPES, look)
    first = post("/block_types/", TYPE, "made")
    gone = tuple(delete("/block_types/{made}", name, record=True) for name in ("gone", "again"))
    yield Case(family, "create/slug empty", (post("/block_types/", TYPE | {"slug": ""}, "made"), look, gone[0]))
    same_slug = post("/block_types/", TYPE | {"name": "Other {unique}"}, "again")
    yield Case(family, "repeat", (first, post("/block_types/", TYPE, "again"), look))
    yield Case(family, "repeat/the slug only", (first, same_slug))
    by_slug = (get("/block_types/slug/type-{unique}", "it"), get("/block_types/slug/nobody-{unique}", "nobody"))
    yield Case(family, "by slug", (first, *by_slug))
    updates: dict[str, JSON] = {
        "description": {"description": "new"},
        "everything": {
            "description": "new",
            "code_example": "c",
            "logo_url": "https://example.com/new.png",
            "documentation_url": "https://example.com/new",
        },
        "null": {"description": None},
        "empty": {},
        "name": {"name": "x"},
        "slug": {"slug": "x"},
        "url as nonsense": {"logo_url": "no"},
        "nothing": None,
    }
    described = post("/block_types/", TYPE | {"description": "d", "code_example": "c"}, "made")
    for label, body in updates.items():
        yield Case(family, f"update/{label}", (described, call("PATCH", "/block_types/{made}", "update", body), look))
    yield Case(family, "delete", (first, *gone, look))
    schema = post("/block_schemas/", {"block_type_id": "{made}", "fields": fields()}, "schema", record=False)
    document = document_of("{made}", "{schema}")
    after = (get("/block_schemas/{schema}", "schema_left"), get("/block_documents/{document}", "document_left"))
    yield Case(family, "delete/with schemas and documents", (first, schema, document, *gone, *after))
    yield from unknowns(family, "/block_types", ("GET", "PATCH", "DELETE"))
    asks: dict[str, JSON] = {
        "slug": {"block_types": {"slug": {"any_": ["type-{unique}", "nobody"]}}},
        "name like": {"block_types": {"name": {"like_": "TYPE {unique}"}}},
        "capabilities": {
            "block_types": {"slug": {"any_": ["type-{unique}"]}},
            "block_schemas": {"block_capabilities": {"all_": ["write-path"]}},
        },
        "unknown key": {"block_types": {"nobody": 1}},
        "limit 201": {"limit": 201},
    }
    schema = post(
        "/block_schemas/",
        {"block_type_id": "{made}", "fields": fields(), "capabilities": ["write-path", "read-path"]},
        "schema",
        record=False,
    )
    yield Case(family, "filter", (first, schema, *(post("/block_types/filter", ask, n) for n, ask in asks.items())))


# --- schemas ---------------------------------------------------------------------------------------------------------

SCHEMAS: dict[str, Any] = {
    "nothing more": {},
    "capabilities": {"capabilities": ["b", "a"]},
    "version": {"version": "2.0"},
    "fields empty": {"fields": {}},
    "fields null": {"fields": None},
    "fields without properties": {
        "fields": {"title": "{unique}", "type": "object", "block_type_slug": "type-{unique}"}
    },
    "type unknown": {"block_type_id": "{uuid_nobody}"},
    "type as nonsense": {"block_type_id": "no"},
    "capabilities null": {"capabilities": None},
    "version null": {"version": None},
    "version as number": {"version": 2},
    "unknown field": {"nobody": 1},
}


def schemas() -> Iterator[Case]:
    family = "requests_block_schemas"
    base: dict[str, JSON] = {"block_type_id": "{type}", "fields": fields()}
    look = get("/block_schemas/{made}", "read")
    # The fields of a schema give its checksum, which is the same in all cases: only those with the unique slug count.
    for label, given in SCHEMAS.items():
        if label != "fields empty":
            yield Case(family, f"create/{label}", (MADE_TYPE, post("/block_schemas/", base | given, "made"), look))
    first = post("/block_schemas/", base, "made")
    again = post("/block_schemas/", base | {"capabilities": ["z"]}, "again")
    yield Case(family, "repeat", (MADE_TYPE, first, again))
    newer = post("/block_schemas/", base | {"version": "2.0"}, "newer")
    yield Case(family, "repeat/another version", (MADE_TYPE, first, newer))
    gone = tuple(delete("/block_schemas/{made}", name, record=True) for name in ("gone", "again"))
    yield Case(family, "delete", (MADE_TYPE, first, *gone, look))
    yield from unknowns(family, "/block_schemas", ("GET", "DELETE"))
    unknown = (get("/block_schemas/checksum/sha256:none", "ask"), get("/block_schemas/checksum/no?version=1", "old"))
    yield Case(family, "by an unknown checksum", unknown)
    by_checksum = get("/block_schemas/checksum/{made_checksum}", "by_checksum")
    versions = tuple(
        get(f"/block_schemas/checksum/{{made_checksum}}?version={version}", f"version {version}")
        for version in ("non-versioned", "2.0", "3.0")
    )
    yield Case(family, "by checksum", (MADE_TYPE, first, newer, by_checksum, *versions))
    yield from checksums(family)
    asks: dict[str, JSON] = {
        "type": {"block_schemas": {"block_type_id": {"any_": ["{type}"]}}},
        "id": {"block_schemas": {"id": {"any_": ["{made}"]}}},
        "capabilities": {
            "block_schemas": {"block_type_id": {"any_": ["{type}"]}, "block_capabilities": {"all_": ["z"]}}
        },
        "version": {"block_schemas": {"block_type_id": {"any_": ["{type}"]}, "version": {"any_": ["2.0"]}}},
        "unknown key": {"block_schemas": {"nobody": 1}},
        "limit 201": {"limit": 201},
    }
    steps = tuple(call("POST", "/block_schemas/filter", name, ask, unordered=True) for name, ask in asks.items())
    yield Case(family, "filter", (MADE_TYPE, first, newer, *steps))


# Fields and their checksum as clients reckon it: it covers neither secret fields nor the definitions of other blocks.
PLAIN: dict[str, JSON] = {"title": "Plain", "type": "object", "block_type_slug": "plain", "block_schema_references": {}}
KNOWN: dict[str, tuple[JSON, str]] = {
    "plain": (PLAIN, "sha256:c3a3f0fb66f935c143c005fb6c2399df53e5fd5fb81910635c4b12512e3a1337"),
    "secret": (
        PLAIN | {"secret_fields": ["a"]},
        "sha256:c3a3f0fb66f935c143c005fb6c2399df53e5fd5fb81910635c4b12512e3a1337",
    ),
    "own definitions": (
        PLAIN
        | {
            "properties": {"x": {"$ref": "#/definitions/X"}, "ž": {"type": "string", "default": 1.5}},
            "definitions": {"X": {"title": "X", "type": "object", "properties": {"y": {"type": "integer"}}}},
        },
        "sha256:15f5a234416ef7acae97793f646b5960bc6db385bcfbcbad22c35bf8bbc84eb7",
    ),
}


def checksums(family: str) -> Iterator[Case]:
    for label, (known, checksum) in KNOWN.items():
        body = {"block_type_id": "{type}", "fields": known, "version": "{unique}"}
        asked = get(f"/block_schemas/checksum/{checksum}?version={{unique}}", "asked")
        yield Case(family, f"checksum/{label}", (MADE_TYPE, post("/block_schemas/", body, "made"), asked))


# --- documents -------------------------------------------------------------------------------------------------------


def document_of(kind: str, schema: str, step: str = "document", **given: JSON) -> Step:
    body = {"name": "doc-{unique}", "data": {"path": "/p"}, "block_schema_id": schema, "block_type_id": kind, **given}
    return post("/block_documents/", body, step)


SCHEMA = post("/block_schemas/", {"block_type_id": "{type}", "fields": fields()}, "schema", record=False)
MADE = (MADE_TYPE, SCHEMA)

DOCUMENTS: dict[str, dict[str, Any]] = {
    "nothing more": {},
    "data more": {"data": {"path": "/p", "other": {"a": [1]}}},
    "data empty": {"data": {}},
    "data null": {"data": None},
    "data as list": {"data": [1]},
    "anonymous": {"is_anonymous": True, "name": None},
    "anonymous with a name": {"is_anonymous": True},
    "no name": {"name": None},
    "name in capitals": {"name": "Doc"},
    "name with an underscore": {"name": "a_b"},
    "name with a space": {"name": "a b"},
    "name empty": {"name": ""},
    "schema null": {"block_schema_id": None},
    "type null": {"block_type_id": None},
    "type as nonsense": {"block_type_id": "no"},
    "unknown field": {"nobody": 1},
}


def documents() -> Iterator[Case]:
    family = "requests_block_documents"
    look = get("/block_documents/{document}", "read")
    for label, given in DOCUMENTS.items():
        body = {"name": "doc-{unique}", "data": {"path": "/p"}} | {
            "block_schema_id": "{schema}",
            "block_type_id": "{type}",
        }
        yield Case(family, f"create/{label}", (*MADE, post("/block_documents/", body | given, "document"), look))
    first = document_of("{type}", "{schema}")
    yield Case(family, "repeat", (*MADE, first, document_of("{type}", "{schema}", "again")))
    slug = "/block_types/slug/type-{unique}/block_documents"
    asks = (get(slug, "all"), get(slug + "/name/doc-{unique}", "it"), get(slug + "/name/nobody", "nobody"))
    elsewhere = (
        get("/block_types/slug/nobody/block_documents", "no_type"),
        get("/block_types/slug/nobody/block_documents/name/doc-{unique}", "no_type_by_name"),
    )
    yield Case(family, "by name", (*MADE, first, *asks, *elsewhere))
    updates: dict[str, JSON] = {
        "data": {"data": {"path": "/q"}},
        "more data": {"data": {"other": 1}},
        "instead": {"data": {"other": 1}, "merge_existing_data": False},
        "empty": {},
        "data null": {"data": None},
        "schema": {"block_schema_id": "{schema}", "data": {}},
        "schema unknown": {"block_schema_id": "{uuid_nobody}", "data": {}},
        "name": {"name": "x"},
        "nothing": None,
    }
    for label, body in updates.items():
        change = call("PATCH", "/block_documents/{document}", "update", body)
        if label != "schema unknown":
            yield Case(family, f"update/{label}", (*MADE, first, change, look))
    gone = tuple(delete("/block_documents/{document}", name, record=True) for name in ("gone", "again"))
    yield Case(family, "delete", (*MADE, first, *gone, look))
    yield from unknowns(family, "/block_documents", ("GET", "PATCH", "DELETE"))
    yield _document_filters(family)


def _document_filters(family: str) -> Case:
    second = document_of("{type}", "{schema}", "second", name="other-{unique}")
    hidden = document_of("{type}", "{schema}", "hidden", name=None, is_anonymous=True)
    mine = {"block_type_id": {"any_": ["{type}"]}}
    filters: dict[str, JSON] = {
        "all": {"block_documents": mine},
        "anonymous": {"block_documents": mine | {"is_anonymous": {"eq_": True}}},
        "not anonymous": {"block_documents": mine | {"is_anonymous": {"eq_": False}}},
        "anonymous or not": {"block_documents": mine | {"is_anonymous": None}},
        "id": {"block_documents": {"id": {"any_": ["{document}"]}}},
        "name": {"block_documents": {"name": {"any_": ["doc-{unique}"]}}},
        "name like": {"block_documents": {"name": {"like_": "OTHER-{unique}"}}},
        "by type": {"block_types": {"slug": {"any_": ["type-{unique}"]}}},
        "by schema": {"block_schemas": {"id": {"any_": ["{schema}"]}}},
        "unknown key": {"block_documents": {"nobody": 1}},
    }
    steps: list[Step] = []
    for label, ask in filters.items():
        steps.append(call("POST", "/block_documents/filter", f"filter {label}", ask, unordered="anonymous" in label))
        steps.append(post("/block_documents/count", ask, f"count {label}"))
    sorts = ("NAME_DESC", "NAME_ASC", "BLOCK_TYPE_AND_NAME_ASC", "CREATED_DESC")
    steps += [post("/block_documents/filter", {"block_documents": mine, "sort": sort}, sort) for sort in sorts]
    return Case(family, "filter", (*MADE, document_of("{type}", "{schema}"), second, hidden, *steps))


def secrets() -> Iterator[Case]:
    """Values under a schema's secret fields are answered only when asked for."""
    family = "requests_block_documents"
    kinds: dict[str, tuple[list[str], JSON]] = {
        "one": (["token"], {"token": "abc"}),
        "within an object": (["keys.*"], {"keys": {"a": "abc", "b": "def"}}),
        "within a field": (["login.password"], {"login": {"user": "me", "password": "abc"}}),
        "null": (["token"], {"token": None}),
        "short": (["token"], {"token": "a"}),
        "absent": (["token"], {}),
    }
    properties = {name: {"type": "string"} for name in ("token", "keys", "login")}
    for label, (paths, values) in kinds.items():
        described = fields("Secret", **properties) | {"secret_fields": paths}
        schema = post("/block_schemas/", {"block_type_id": "{type}", "fields": described}, "schema")
        document = document_of("{type}", "{schema}", data={"path": "/p"} | values)
        asks = tuple(
            get(f"/block_documents/{{document}}?include_secrets={flag}", f"secrets {flag}")
            for flag in ("true", "false")
        )
        by_name = get(
            "/block_types/slug/type-{unique}/block_documents/name/doc-{unique}?include_secrets=true", "by_name"
        )
        mine = {"block_documents": {"id": {"any_": ["{document}"]}}, "include_secrets": True}
        listed = post("/block_documents/filter", mine, "listed")
        masked = call("PATCH", "/block_documents/{document}", "masked", {"data": {"token": "********"}})
        steps = (MADE_TYPE, schema, document, *asks, by_name, listed, masked, asks[0])
        yield Case(
            family, f"secrets/{label}", (*steps[:-1], get("/block_documents/{document}?include_secrets=true", "end"))
        )


def references() -> Iterator[Case]:
    """A block within a block."""
    family = "requests_block_documents"
    inner_type = post("/block_types/", {"name": "Inner {unique}", "slug": "inner-{unique}"}, "inner_type", record=False)
    inner_fields = fields("Inner") | {"block_type_slug": "inner-{unique}"}
    inner_schema = post("/block_schemas/", {"block_type_id": "{inner_type}", "fields": inner_fields}, "inner_schema")
    reference = {"block_type_slug": "inner-{unique}", "block_schema_checksum": "{inner_schema_checksum}"}
    outer_fields = fields("Outer", inner={"title": "Inner", "allOf": [{"$ref": "#/definitions/Inner"}]}) | {
        "block_schema_references": {"inner": reference},
        "definitions": {"Inner": inner_fields},
    }
    outer_schema = post("/block_schemas/", {"block_type_id": "{type}", "fields": outer_fields}, "schema")
    made = (inner_type, inner_schema, MADE_TYPE, outer_schema)
    inner = document_of("{inner_type}", "{inner_schema}", "inner", name="inner-{unique}")
    link = {"$ref": {"block_document_id": "{inner}"}}
    outer = document_of("{type}", "{schema}", data={"path": "/o", "inner": link})
    look = get("/block_documents/{document}", "read")
    unlink = call("PATCH", "/block_documents/{document}", "unlink", {"data": {"inner": {"path": "/own"}}})
    gone = delete("/block_documents/{inner}", "gone", record=True)
    yield Case(family, "references/linked", (*made, inner, outer, look, get("/block_schemas/{schema}", "schema_read")))
    yield Case(family, "references/unlinked", (*made, inner, outer, unlink, look))
    yield Case(family, "references/the inner one is deleted", (*made, inner, outer, gone, look))
    own = document_of("{type}", "{schema}", data={"path": "/o", "inner": {"path": "/own"}})
    yield Case(family, "references/not linked", (*made, own, look))
    missing = post("/block_schemas/", {"block_type_id": "{type}", "fields": outer_fields}, "schema")
    yield Case(family, "references/to an unknown type", (MADE_TYPE, missing))
