"""What is wrong with values by a schema, over HTTP: each fault at its place."""

from __future__ import annotations

from collections.abc import Iterator

from tests.comparison.build import post
from tests.comparison.model import JSON, Case

FAMILY = "requests_schemas"

SCHEMA: dict[str, JSON] = {
    "type": "object",
    "properties": {
        "x": {"type": "integer", "minimum": 1},
        "y": {"type": "string", "default": "q"},
        "pair": {"type": "array", "items": [{"type": "integer"}, {"type": "string"}]},
        "inner": {"$ref": "#/definitions/Inner"},
        "many": {"type": "array", "items": {"$ref": "#/definitions/Inner"}},
    },
    "required": ["x"],
    "definitions": {"Inner": {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a", "b"]}},
}

VALUES: dict[str, JSON] = {
    "fitting": {"x": 1},
    "nothing": {},
    "null": {"x": None, "y": None},
    "of other types": {"x": "1", "y": 2},
    "too small": {"x": 0},
    "more than there is": {"x": 1, "z": 1},
    "a pair": {"x": 1, "pair": ["a", 1]},
    "inner": {"x": 1, "inner": {"a": "one"}},
    "many": {"x": 1, "many": [{"a": 1, "b": 2}, {"a": "c"}, {}, 5]},
    "json": {"x": {"__prefect_kind": "json", "value": "1"}},
    "json that is wrong": {"x": {"__prefect_kind": "json", "value": '"a"'}},
    "json that is none": {"x": {"__prefect_kind": "json", "value": "{"}},
    "json without a value": {"x": {"__prefect_kind": "json"}},
    "a template": {"x": {"__prefect_kind": "jinja", "template": "{{ 1 }}"}},
    "a template that is none": {"x": {"__prefect_kind": "jinja", "template": "{{"}},
    "no template": {"x": {"__prefect_kind": "jinja"}},
    "an unknown variable": {"x": {"__prefect_kind": "workspace_variable", "variable_name": "nobody_is_called_so"}},
    "an unknown kind": {"x": {"__prefect_kind": "other", "value": 1}},
    "none": {"x": {"__prefect_kind": "none", "value": 1}},
    "a placeholder that nobody asks for": {"x": 1, "z": {"__prefect_kind": "json", "value": "{"}},
    "placeholders within": {"x": 1, "many": [{"a": {"__prefect_kind": "json", "value": "{"}, "b": 1}]},
}

SCHEMAS: dict[str, JSON] = {
    "empty": {},
    "of a wrong type": {"type": 7},
    "of an array": {"type": "array"},
    "of one property": {"properties": {"x": {"type": "string"}}, "additionalProperties": False},
    "as a list": [],
    "null": None,
}


def cases() -> Iterator[Case]:
    for label, values in VALUES.items():
        yield Case(FAMILY, label, (post("/ui/schemas/validate", {"schema": SCHEMA, "values": values}, "ask"),))
    for label, schema in SCHEMAS.items():
        body = {"schema": schema, "values": {"x": 1, "y": 2}}
        yield Case(FAMILY, f"schema {label}", (post("/ui/schemas/validate", body, "ask"),))
    for label, body in {"values": {"schema": {}}, "schema": {"values": {}}, "both": {}}.items():
        yield Case(FAMILY, f"without {label}", (post("/ui/schemas/validate", body, "ask"),))
    yield Case(FAMILY, "values as a list", (post("/ui/schemas/validate", {"schema": {}, "values": []}, "ask"),))
