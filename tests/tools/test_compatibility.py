"""The page that says how far the API is: up to date, and made as it says."""

from typing import Any

import pytest

from tests.comparison.differences import DIFFERENCES
from tools.compatibility import peer
from tools.compatibility.__main__ import PAGE, ours
from tools.compatibility.notes import Difference, Note, Notes
from tools.compatibility.outline import Outline, outlines
from tools.compatibility.page import DONE, MISSING, PARTIAL, added_fields, additions, page, rows

NO_NOTES = Notes(notes=(), differences=(), left_out=())
PEER_OPERATIONS = 170


def test_the_page_is_what_the_command_writes() -> None:
    """`./run compatibility` brings it up to date."""
    assert PAGE.read_text() == page(peer.kept(), ours(), Notes.read()), "run ./run compatibility"


def test_every_operation_of_the_peer_is_on_the_page() -> None:
    """None more and none less than its document has."""
    operations = [x.operation for x in rows(peer.kept(), ours(), Notes.read())]
    assert len(set(operations)) == len(operations) == PEER_OPERATIONS
    assert all(f"| `{x}` |" in PAGE.read_text() for x in operations)


def test_every_note_is_about_something() -> None:
    """A pattern that matches no operation of the peer is a mistake."""
    operations = list(peer.kept())
    for note in Notes.read().notes:
        assert any(note in Notes(notes=(note,), differences=(), left_out=()).about(x) for x in operations), note


def test_what_is_missing_says_why() -> None:
    """Each missing operation has a note."""
    for row in rows(peer.kept(), ours(), Notes.read()):
        assert row.state != MISSING or row.notes, row.operation


def test_the_deliberate_differences_are_all_there() -> None:
    """Each under the letter that the comparison suite uses, with its reason."""
    differences = Notes.read().differences
    assert [x.letter for x in differences] == list("abcdefghi")
    assert all(x.title in PAGE.read_text() and x.reason in PAGE.read_text() for x in differences)


def test_the_comparison_suite_knows_no_other_differences() -> None:
    """Whatever it lets differ is under one of the letters."""
    letters = {x.letter for x in Notes.read().differences}
    assert {x.letter for x in DIFFERENCES} <= letters


def outline(**fields: list[str]) -> Outline:
    given: dict[str, list[str]] = {"parameters": [], "body": [], "answer": []} | fields
    return Outline(tag="Things", parameters=given["parameters"], body=given["body"], answer=given["answer"])


@pytest.mark.parametrize(
    ("mine", "state", "missing"),
    [
        ({}, MISSING, ()),
        ({"GET /x/{name}": outline(answer=["a", "b", "b.c", "more"], parameters=["p"])}, DONE, ()),
        ({"GET /x/{id}": outline(answer=["a", "b"], parameters=["p"])}, PARTIAL, ("answer b.c",)),
        ({"GET /x/{id}": outline(answer=["a"])}, PARTIAL, ("parameter p", "answer b")),
        ({"POST /x/{id}": outline(answer=["a", "b", "b.c"], parameters=["p"])}, MISSING, ()),
    ],
)
def test_an_operation_is_done_when_nothing_of_it_is_missing(
    mine: dict[str, Outline], state: str, missing: tuple[str, ...]
) -> None:
    """Whatever its path's parameters are called; of a field that is missing as a whole the parts are not told."""
    theirs = {"GET /x/{id}": outline(answer=["a", "b", "b.c"], parameters=["p"])}
    (row,) = rows(theirs, mine, NO_NOTES)
    assert (row.state, row.missing) == (state, missing)


def test_what_is_meant_to_be_missing_is_not_missed() -> None:
    """Where a note says so."""
    note = Note(operations="GET /x*", text="Ours.", ours=("answer P_*",))
    (row,) = rows({"GET /x": outline(answer=["P_A", "P_B"])}, {"GET /x": outline(answer=["I_A"])}, notes_of(note))
    assert (row.state, row.notes) == (DONE, (note,))


def test_what_does_less_than_it_tells_is_partial() -> None:
    """Where a note says so."""
    note = Note(operations="POST /x", text="Only some of it.", partial=True)
    (row,) = rows({"POST /x": outline(body=["a"])}, {"POST /x": outline(body=["a"])}, notes_of(note))
    assert (row.state, row.missing, row.notes) == (PARTIAL, (), (note,))


def notes_of(*notes: Note) -> Notes:
    return Notes(notes=notes, differences=(Difference("a", "Title.", "Reason."),), left_out=("Nothing.",))


def test_what_the_peer_has_not_is_told() -> None:
    """Operations and fields."""
    theirs = {"GET /a": outline(answer=["x"])}
    mine = {"GET /a": outline(answer=["x", "y"]), "GET /b": outline()}
    assert additions(theirs, mine) == ["GET /b"]
    assert added_fields(theirs, mine) == {"answer y": 1}
    text = page(theirs, mine, notes_of())
    for part in ("| done | 1 |", "| `GET /a` | done |  |", "- `GET /b`", "| `answer y` | 1 |", "**a. Title.** Reason."):
        assert part in text


def document(schema: dict[str, Any], **schemas: dict[str, Any]) -> dict[str, Any]:
    """A document of one operation, whose answer has this schema."""
    answer = {"content": {"application/json": {"schema": schema}}}
    responses = {"200": answer, "422": {"content": {"application/json": {"schema": {"properties": {"error": {}}}}}}}
    parameters = [{"name": "p", "in": "query"}, {"name": "h", "in": "header"}, {"name": "id", "in": "path"}]
    operation = {"tags": ["T"], "parameters": parameters, "responses": responses}
    return {"paths": {"/a/{id}": {"get": operation}}, "components": {"schemas": schemas}}


@pytest.mark.parametrize(
    ("schema", "fields"),
    [
        ({"type": "string"}, []),
        ({"properties": {"a": {"type": "string"}, "b": {"properties": {"c": {}}}}}, ["a", "b", "b.c"]),
        ({"items": {"properties": {"a": {}}}, "type": "array"}, ["a"]),
        ({"anyOf": [{"properties": {"a": {}}}, {"type": "null"}], "allOf": [{"properties": {"b": {}}}]}, ["a", "b"]),
        ({"$ref": "#/components/schemas/Tree"}, ["children", "name"]),
        ({"propertyNames": {"enum": ["a", "b"]}, "additionalProperties": {"type": "integer"}}, ["a", "b"]),
        ({"propertyNames": {"$ref": "#/components/schemas/Names"}}, ["c"]),
    ],
)
def test_fields_are_named_by_their_paths(schema: dict[str, Any], fields: list[str]) -> None:
    """Through lists, alternatives and references, and not round in circles; errors and headers are left out."""
    tree = {"properties": {"name": {}, "children": {"items": {"$ref": "#/components/schemas/Tree"}}}}
    found = outlines(document(schema, Tree=tree, Names={"enum": ["c"]}))
    assert found == {"GET /a/{id}": {"tag": "T", "parameters": ["p"], "body": [], "answer": fields}}
