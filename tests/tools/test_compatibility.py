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
PEER_OPERATIONS = {"2.20.25": 170, "3.9.1": 188}
OLD, NEW = PEER_OPERATIONS


def test_the_page_is_what_the_command_writes() -> None:
    """`./run compatibility` brings it up to date."""
    assert PAGE.read_text() == page(peer.kept(), ours(), Notes.read()), "run ./run compatibility"


def test_every_operation_of_the_peers_is_on_the_page() -> None:
    """None more and none less than their documents have."""
    found = rows(peer.kept(), ours(), Notes.read())
    assert len({x.operation for x in found}) == len(found)
    assert {version: sum(version in x.states for x in found) for version in PEER_OPERATIONS} == PEER_OPERATIONS
    assert all(f"| `{x.operation}` |" in PAGE.read_text() for x in found)


def test_every_note_is_about_something() -> None:
    """A pattern that matches no operation of the peers is a mistake."""
    operations = [x.operation for x in rows(peer.kept(), ours(), Notes.read())]
    for note in Notes.read().notes:
        assert any(note in Notes(notes=(note,), differences=(), left_out=()).about(x) for x in operations), note


def test_what_is_missing_says_why() -> None:
    """Each missing operation has a note."""
    for row in rows(peer.kept(), ours(), Notes.read()):
        assert MISSING not in row.states.values() or row.notes, row.operation


def test_the_deliberate_differences_are_all_there() -> None:
    """Each under the letter that the comparison suite uses, with its reason."""
    differences = Notes.read().differences
    assert [x.letter for x in differences] == list("abcdefghijkl")
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
    (row,) = rows({NEW: theirs}, mine, NO_NOTES)
    assert (row.states, row.missing) == ({NEW: state}, {NEW: missing} if missing else {})


def test_each_peer_has_a_state_of_its_own() -> None:
    """An operation that one of them has not has none there; paths are the newest's."""
    peers = {
        OLD: {"GET /x/{id}": outline(answer=["a"])},
        NEW: {"GET /x/{name}": outline(answer=["b"]), "GET /y": outline()},
    }
    both, one = rows(peers, {"GET /x/{id}": outline(answer=["a"])}, NO_NOTES)
    assert (both.operation, both.states) == ("GET /x/{name}", {OLD: DONE, NEW: PARTIAL})
    assert both.missing == {NEW: ("answer b",)}
    assert (one.operation, one.states) == ("GET /y", {NEW: MISSING})
    text = page(peers, {"GET /x/{id}": outline(answer=["a"])}, notes_of())
    assert f"| `GET /x/{{name}}` | done | partial | Missing of {NEW}: `answer b`. |" in text
    assert "| `GET /y` | – | missing |  |" in text
    assert "| done | 1 | 0 |" in text


def test_what_is_meant_to_be_missing_is_not_missed() -> None:
    """Where a note says so."""
    note = Note(operations="GET /x*", text="Ours.", ours=("answer P_*",))
    theirs = {NEW: {"GET /x": outline(answer=["P_A", "P_B"])}}
    (row,) = rows(theirs, {"GET /x": outline(answer=["I_A"])}, notes_of(note))
    assert (row.states, row.notes) == ({NEW: DONE}, (note,))


def test_what_does_less_than_it_tells_is_partial() -> None:
    """Where a note says so."""
    note = Note(operations="POST /x", text="Only some of it.", partial=True)
    (row,) = rows({NEW: {"POST /x": outline(body=["a"])}}, {"POST /x": outline(body=["a"])}, notes_of(note))
    assert (row.states, row.missing, row.notes) == ({NEW: PARTIAL}, {}, (note,))


def notes_of(*notes: Note) -> Notes:
    return Notes(notes=notes, differences=(Difference("a", "Title.", "Reason."),), left_out=("Nothing.",))


def test_what_no_peer_has_is_told() -> None:
    """Operations and fields; those that one of them has are not counted."""
    theirs = {OLD: {"GET /a": outline(answer=["x"])}, NEW: {"GET /a": outline(answer=["x", "z"])}}
    mine = {"GET /a": outline(answer=["x", "y", "z"]), "GET /b": outline()}
    assert additions(theirs, mine) == ["GET /b"]
    assert added_fields(theirs, mine) == {"answer y": 1}
    text = page(theirs, mine, notes_of())
    for part in (
        "| done | 1 | 1 |",
        "| `GET /a` | done | done |  |",
        "- `GET /b`",
        "| `answer y` | 1 |",
        "**a. Title.** Reason.",
    ):
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
