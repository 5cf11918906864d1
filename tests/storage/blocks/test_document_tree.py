"""Block documents put together with those that they refer to."""

from typing import Any

from interlock.storage.blocks.document_tree import DocumentNode, full_data


def node(name: str, *references: tuple[str, str], **data: Any) -> DocumentNode:
    return DocumentNode({"name": name}, data, references)


def test_a_document_holds_the_data_of_those_below_it() -> None:
    nodes = {"a": node("A", ("b", "b"), x=1), "b": node("B", ("c", "c")), "c": node("C", y=2)}
    data, references = full_data("a", nodes)
    assert data == {"x": 1, "b": {"c": {"y": 2}}}
    below_b = {"c": {"block_document": {"name": "C", "block_document_references": {}}}}
    assert references == {"b": {"block_document": {"name": "B", "block_document_references": below_b}}}


def test_two_fields_may_refer_to_the_same_document() -> None:
    nodes = {"a": node("A", ("x", "b"), ("y", "b")), "b": node("B", z=1)}
    assert full_data("a", nodes)[0] == {"x": {"z": 1}, "y": {"z": 1}}


def test_stored_data_is_left_alone() -> None:
    """Putting together does not show in what is stored."""
    stored = node("A", ("b", "b"))
    full_data("a", {"a": stored, "b": node("B")})
    assert stored.data == {}
