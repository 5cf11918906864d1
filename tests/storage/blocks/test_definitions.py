"""The fields of block schemas."""

from typing import Any

import pytest

from interlock.storage.blocks.definitions import (
    FieldsError,
    SchemaReference,
    checksum,
    definition_of_block,
    definitions_of,
    schema_references,
    with_own_definitions,
)

PLAIN: dict[str, Any] = {"title": "Plain", "type": "object", "block_type_slug": "plain", "block_schema_references": {}}
PLAIN_CHECKSUM = "sha256:c3a3f0fb66f935c143c005fb6c2399df53e5fd5fb81910635c4b12512e3a1337"
DETAILED = PLAIN | {
    "properties": {"x": {"$ref": "#/definitions/X"}, "ž": {"type": "string", "default": 1.5}},
    "definitions": {"X": {"title": "X", "type": "object", "properties": {"y": {"type": "integer"}}}},
}
DETAILED_CHECKSUM = "sha256:15f5a234416ef7acae97793f646b5960bc6db385bcfbcbad22c35bf8bbc84eb7"
BLOCK = {"title": "Block", "block_type_slug": "block"}


@pytest.mark.parametrize(("fields", "expected"), [(PLAIN, PLAIN_CHECKSUM), (DETAILED, DETAILED_CHECKSUM)])
def test_the_checksum_is_the_one_that_clients_reckon(fields: dict[str, Any], expected: str) -> None:
    """As recorded of a client, text beyond ASCII and definitions included."""
    assert checksum(fields) == expected


def test_the_order_of_keys_does_not_show_in_the_checksum() -> None:
    assert checksum(dict(reversed(DETAILED.items()))) == DETAILED_CHECKSUM


def test_secret_fields_do_not_show_in_the_checksum_however_deep() -> None:
    secret = PLAIN | {"secret_fields": ["a"]}
    assert checksum(secret) == PLAIN_CHECKSUM
    deep = PLAIN | {"properties": {"x": {"secret_fields": ["a"], "type": "string"}}}
    assert checksum(deep) == checksum(PLAIN | {"properties": {"x": {"type": "string"}}})


def test_definitions_of_blocks_and_unused_ones_do_not_show_in_the_checksum() -> None:
    more = DETAILED["definitions"] | {"Block": BLOCK, "Unused": {"title": "Unused"}}
    assert checksum(DETAILED | {"definitions": more}) == DETAILED_CHECKSUM
    assert checksum(PLAIN | {"definitions": {"Block": BLOCK}}) == PLAIN_CHECKSUM


def test_fields_keep_the_definitions_that_they_need() -> None:
    """Also those that other definitions refer to, a block's among them."""
    definitions = {
        "A": {"items": [{"$ref": "#/definitions/B"}]},
        "B": {"title": "B"},
        "Block": BLOCK | {"properties": {"c": {"$ref": "#/definitions/C"}}},
        "C": {"title": "C"},
        "Unused": {"title": "Unused"},
    }
    kept = with_own_definitions({"properties": {"a": {"$ref": "#/definitions/A"}}, "definitions": definitions})
    assert list(kept["definitions"]) == ["A", "B", "C"]


def test_definitions_may_refer_to_themselves() -> None:
    tree = {"properties": {"children": {"items": {"$ref": "#/definitions/Tree"}}}}
    fields = {"properties": {"tree": {"$ref": "#/definitions/Tree"}}, "definitions": {"Tree": tree}}
    assert with_own_definitions(fields) == fields


@pytest.mark.parametrize("empty", [{}, {"definitions": {}}, {"definitions": None}])
def test_fields_without_definitions_stay_as_they_are(empty: dict[str, Any]) -> None:
    assert (with_own_definitions(empty), definitions_of(empty)) == (empty, {})


def test_definitions_must_be_an_object() -> None:
    with pytest.raises(FieldsError, match="definitions"):
        checksum({"definitions": [1]})


def test_references_name_one_schema_or_several() -> None:
    one = {"block_type_slug": "one", "block_schema_checksum": "1"}
    two = {"block_type_slug": "two", "block_schema_checksum": "2"}
    found = schema_references({"block_schema_references": {"a": one, "b": [one, two]}})
    assert found == [
        SchemaReference("a", "one", "1"),
        SchemaReference("b", "one", "1"),
        SchemaReference("b", "two", "2"),
    ]


@pytest.mark.parametrize("fields", [{}, {"block_schema_references": None}, {"block_schema_references": []}])
def test_fields_may_refer_to_nothing(fields: dict[str, Any]) -> None:
    assert schema_references(fields) == []


@pytest.mark.parametrize("references", [["a"], "a", {"a": "b"}, {"a": {"block_type_slug": "b"}}, {"a": [None]}])
def test_references_without_type_or_checksum_are_refused(references: Any) -> None:
    with pytest.raises(FieldsError, match="reference"):
        schema_references({"block_schema_references": references})


def test_the_definition_of_a_nested_block_is_found_by_its_field() -> None:
    """Where the field takes several kinds of block, by the slug as well."""
    other = {"block_type_slug": "other"}
    definitions = {"Block": BLOCK, "Other": other, "Model": {"title": "Model"}}
    one, any_of = {"$ref": "#/definitions/Block"}, [{"$ref": f"#/definitions/{x}"} for x in definitions]
    fields = {"properties": {"one": {"allOf": [one]}, "any": {"anyOf": any_of}}}
    assert definition_of_block(fields, definitions, "one", "whatever") == BLOCK
    assert definition_of_block(fields, definitions, "any", "other") == other


@pytest.mark.parametrize("properties", [None, {}, {"x": {"type": "string"}}, {"x": {"$ref": "#/definitions/Gone"}}])
def test_a_nested_block_without_definition_is_refused(properties: Any) -> None:
    with pytest.raises(FieldsError, match="'x'"):
        definition_of_block({"properties": properties}, {"Block": BLOCK}, "x", "block")
