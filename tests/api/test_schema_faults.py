"""All that is wrong with values by a schema, each at its place, over HTTP."""

from typing import Any

import httpx
import pytest

from tests.api.records import made, unique

SCHEMA = {
    "type": "object",
    "properties": {
        "x": {"type": "integer"},
        "list": {"type": "array", "items": {"type": "object", "properties": {"y": {"type": "string"}}}},
    },
    "required": ["x"],
}


def ask(api: httpx.Client, values: Any, schema: Any = SCHEMA) -> Any:
    answer = api.post("/ui/schemas/validate", json={"schema": schema, "values": values})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_values_that_fit_have_no_faults(api: httpx.Client) -> None:
    assert ask(api, {"x": 1, "list": [{"y": "z"}]}) == {"valid": True, "errors": []}


def test_each_fault_is_told_at_its_place(api: httpx.Client) -> None:
    """What is missing too; what is wrong with the whole is a message by itself."""
    faults = ask(api, {"list": [{}, {"y": 1}]})
    assert not faults["valid"]
    inner = {"index": 1, "errors": [{"property": "y", "errors": ["1 is not of type 'string'"]}]}
    missing = {"property": "x", "errors": ["'x' is a required property"]}
    assert sorted(faults["errors"], key=str) == sorted([missing, {"property": "list", "errors": [inner]}], key=str)
    assert ask(api, {}, {"type": "array"})["errors"] == ["{} is not of type 'array'"]


@pytest.mark.parametrize(
    ("placeholder", "errors"),
    [
        ({"__prefect_kind": "json", "value": "7"}, []),
        ({"__prefect_kind": "json", "value": '"7"'}, ["'7' is not of type 'integer'"]),
        ({"__prefect_kind": "jinja", "template": "{{ 1 }}"}, []),
        (
            {"__prefect_kind": "workspace_variable", "variable_name": "nobody"},
            ["Variable 'nobody' not found in workspace."],
        ),
    ],
)
def test_a_placeholder_is_wrong_where_its_value_is_or_where_it_has_none(
    api: httpx.Client, placeholder: Any, errors: list[str]
) -> None:
    """A template's value is known only when it is put into effect."""
    assert ask(api, {"x": placeholder})["errors"] == ([{"property": "x", "errors": errors}] if errors else [])


def test_a_variable_counts_by_its_value(api: httpx.Client) -> None:
    name = unique("count").replace("-", "_")
    made(api, "/variables/", {"name": name, "value": "seven"})
    placeholder = {"__prefect_kind": "workspace_variable", "variable_name": name}
    assert ask(api, {"x": placeholder})["errors"] == [{"property": "x", "errors": ["'seven' is not of type 'integer'"]}]


@pytest.mark.parametrize("schema", [{"type": 7}, {"properties": {"x": {"$ref": "#/nowhere"}}}])
def test_what_is_no_schema_is_422(api: httpx.Client, schema: Any) -> None:
    answer = api.post("/ui/schemas/validate", json={"schema": schema, "values": {"x": 1}})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("Invalid schema: ")
