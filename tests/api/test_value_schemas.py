"""Values and the JSON schemas that they must fit."""

from typing import Any

import pytest

from interlock.api.value_schemas import (
    UnfitValuesError,
    UnusableSchemaError,
    check,
    check_as_declared,
    check_is_schema,
)

SCHEMA = {
    "type": "object",
    "properties": {"x": {"type": "integer"}, "y": {"type": "string", "default": "q"}, "z": {"type": "string"}},
    "required": ["x"],
}
LOOP = {"$ref": "#/definitions/A", "definitions": {"A": {"$ref": "#/definitions/A"}}}


def test_values_that_fit_pass() -> None:
    """Missing ones too, where they need not be there."""
    check({"x": 1, "y": "a", "z": "b"}, SCHEMA)
    check({"x": 1}, SCHEMA)
    check({}, SCHEMA, partial=True)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "Validation failed. Failure reason: 'x' is a required property"),
        ({"x": "a"}, "Validation failed for field 'x'. Failure reason: 'a' is not of type 'integer'"),
        ([], "Validation failed. Failure reason: [] is not of type 'object'"),
    ],
)
def test_values_that_do_not_fit_are_named(values: Any, message: str) -> None:
    """The message names the field, unless it is the whole."""
    with pytest.raises(UnfitValuesError) as error:
        check(values, SCHEMA)
    assert str(error.value) == message


def test_a_field_inside_is_named_by_its_path() -> None:
    """With the position in a list."""
    schema = {"properties": {"a": {"type": "object", "properties": {"b": {"items": {"type": "integer"}}}}}}
    with pytest.raises(UnfitValuesError, match=r"field 'a\.b\[1\]'"):
        check({"a": {"b": [1, "x"]}}, schema)


def test_null_stands_for_a_missing_value() -> None:
    """Where a parameter is neither required nor has a default; older clients' schemas don't say so."""
    check({"x": 1, "z": None}, SCHEMA)
    for unfit in ({"x": None}, {"x": 1, "y": None}):
        with pytest.raises(UnfitValuesError, match="None is not of type"):
            check(unfit, SCHEMA)


def test_null_is_repaired_inside_and_in_definitions() -> None:
    """Objects in objects, and the models that a schema refers to."""
    model = {"type": "object", "properties": {"k": {"type": "integer"}}}
    schema = {"properties": {"o": model, "m": {"$ref": "#/definitions/M"}}, "definitions": {"M": model}}
    check({"o": {"k": None}, "m": {"k": None}}, schema)


def test_a_tuple_is_checked_place_by_place() -> None:
    """Older clients write a list of schemas where newer dialects have `prefixItems`."""
    schema = {"properties": {"t": {"type": "array", "items": [{"type": "integer"}, {"type": "string"}]}}}
    check({"t": [1, "x"]}, schema)
    with pytest.raises(UnfitValuesError, match=r"field 't\[0\]'"):
        check({"t": ["x", "x"]}, schema)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "nonsense"}, "'nonsense' is not valid under any of the given schemas"),
        ({"properties": 5}, "5 is not of type 'object'"),
        ([1], "is not of type 'object', 'boolean'"),
        (LOOP, "Unable to validate schema with circular references."),
        ({"$ref": "#/definitions/A"}, "does not exist"),
        ({"$ref": "http://127.0.0.1:1/schema"}, "Unresolvable: http://127.0.0.1:1/schema"),
    ],
)
def test_an_unusable_schema_is_told_apart(schema: Any, message: str) -> None:
    """Malformed ones, and those that lead in a circle, nowhere, or to another place, which is not fetched."""
    with pytest.raises(UnusableSchemaError, match=message):
        check({"x": 1}, schema)


def test_a_schema_may_be_taken_as_it_is_declared() -> None:
    """In its own dialect, without repair, and without what is required."""
    dialect = {"$schema": "http://json-schema.org/draft-04/schema#"}
    below_5 = dialect | {"properties": {"x": {"maximum": 5, "exclusiveMaximum": True}}, "required": ["y"]}
    check_as_declared({"x": 4}, below_5)
    with pytest.raises(UnfitValuesError):
        check_as_declared({"x": 5}, below_5)
    with pytest.raises(UnfitValuesError, match="None is not of type 'string'"):
        check_as_declared({"z": None}, SCHEMA)


def test_what_is_a_schema_is_decided_by_draft_4() -> None:
    """The dialect nearest to what clients generate."""
    check_is_schema({"properties": {"x": {"items": [{"type": "integer"}]}}})
    with pytest.raises(UnusableSchemaError):
        check_is_schema({"type": "nonsense"})


def test_the_schema_is_left_as_it_was() -> None:
    """The repair is made on a copy."""
    schema = {"properties": {"z": {"type": "string"}}}
    check({"z": None}, schema)
    assert schema == {"properties": {"z": {"type": "string"}}}
