"""References among block documents."""

from typing import Any

import pytest

from interlock.storage.blocks.references import DocumentReferenceError, split_references

ID = "3e4bdf6e-6d2c-4d4b-9c2c-0b7c6e0d7a11"


def test_fields_that_are_references_are_told_from_values() -> None:
    """By their id in its canonical spelling; whatever else is beside it does not count."""
    data = {"a": 1, "b": {"$ref": {"block_document_id": ID.upper(), "x": 1}, "y": 2}}
    assert split_references(data) == ({"a": 1}, {"b": ID})


@pytest.mark.parametrize(
    "value", [{"$ref": "#/definitions/x"}, {"$ref": None}, [{"$ref": {}}], {"x": {"$ref": {}}}, "$ref"]
)
def test_what_only_looks_like_a_reference_is_a_value(value: Any) -> None:
    """A JSON schema, and anything deeper than the field itself."""
    assert split_references({"a": value}) == ({"a": value}, {})


@pytest.mark.parametrize("reference", [{}, {"block_document_id": None}, {"id": ID}])
def test_a_reference_must_name_a_document(reference: Any) -> None:
    with pytest.raises(DocumentReferenceError, match="without a block_document_id in key a"):
        split_references({"a": {"$ref": reference}})


@pytest.mark.parametrize("wrong", ["x", "", 3, [ID], {}])
def test_a_reference_must_name_it_by_its_id(wrong: Any) -> None:
    with pytest.raises(DocumentReferenceError, match="value is not a valid uuid"):
        split_references({"a": {"$ref": {"block_document_id": wrong}}})
