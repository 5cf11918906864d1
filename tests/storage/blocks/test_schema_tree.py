"""Block schemas put together with those that they refer to."""

from typing import Any

from interlock.storage.blocks.schema_tree import SchemaNode, full_fields


def node(title: str | None, *references: tuple[str, str], **fields: Any) -> SchemaNode:
    """A schema whose checksum and slug follow from its title."""
    named = fields if title is None else {"title": title, **fields}
    return SchemaNode(f"sum-{title}", f"slug-{title}", named, references)


def reference(title: str | None) -> dict[str, str]:
    return {"block_schema_checksum": f"sum-{title}", "block_type_slug": f"slug-{title}"}


def test_a_schema_without_references_says_so() -> None:
    assert full_fields("a", {"a": node("A")}) == {"title": "A", "block_schema_references": {}}


def test_definitions_are_those_of_all_schemas_below_and_its_own() -> None:
    nodes = {
        "a": node("A", ("b", "b"), definitions={"Model": {"title": "Model"}}),
        "b": node("B", ("c", "c"), definitions={"Other": {"title": "Other"}}),
        "c": node("C"),
    }
    fields = full_fields("a", nodes)
    assert fields["block_schema_references"] == {"b": reference("B")}
    assert fields["definitions"] == {
        "Model": {"title": "Model"},
        "B": {"title": "B", "block_schema_references": {"c": reference("C")}},
        "Other": {"title": "Other"},
        "C": {"title": "C", "block_schema_references": {}},
    }


def test_a_field_for_several_kinds_of_block_lists_them_once_each() -> None:
    nodes = {"a": node("A", ("x", "b"), ("x", "c"), ("x", "b"), ("y", "b"), ("y", "b")), "b": node("B"), "c": node("C")}
    assert full_fields("a", nodes)["block_schema_references"] == {
        "x": [reference("B"), reference("C")],
        "y": reference("B"),
    }


def test_a_schema_without_title_is_no_definition() -> None:
    fields = full_fields("a", {"a": node("A", ("x", "b")), "b": node(None)})
    assert fields == {"title": "A", "block_schema_references": {"x": reference(None)}}


def test_stored_fields_are_left_alone() -> None:
    """Putting together does not show in what is stored."""
    stored = node("A", ("b", "b"), definitions={})
    full_fields("a", {"a": stored, "b": node("B")})
    assert stored.fields == {"title": "A", "definitions": {}}
