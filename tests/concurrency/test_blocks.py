"""Blocks registered, changed and deleted by many at once."""

from typing import Any

from interlock.storage.blocks.definitions import checksum
from tests.api.blocks import fields_of, link, new_document, new_schema, new_type, revealed
from tests.api.records import unique
from tests.concurrency.conftest import Fleet, delete, patch, post, statuses

MANY = 12


def test_a_type_is_made_once(fleet: Fleet) -> None:
    """Whoever comes second is told so. (Guards.)"""
    name = unique("type")
    answers = fleet.at_once(*[post("/block_types/", {"name": name, "slug": name})] * MANY)
    assert statuses(answers) == {201: 1, 409: MANY - 1}


def test_a_schema_is_made_once(fleet: Fleet) -> None:
    """Whoever comes second is given the one that is there. (Guards.)"""
    block_type = new_type(fleet.api)
    body = {"block_type_id": block_type["id"], "fields": fields_of()}
    answers = fleet.at_once(*[post("/block_schemas/", body)] * MANY)
    assert statuses(answers) == {201: 1, 200: MANY - 1}
    assert len({x.json()["id"] for x in answers}) == 1


def test_schemas_that_hold_the_same_others_are_made_at_once(fleet: Fleet) -> None:
    """Each once, in whatever order their registrations come upon them."""
    inner = [new_type(fleet.api) for _ in range(6)]
    held = {x["slug"]: fields_of(block_type_slug=x["slug"]) for x in inner}
    outer = [new_type(fleet.api) for _ in range(8)]
    bodies = [
        {"block_type_id": x["id"], "fields": _holding(list(held.items())[:: 1 if at % 2 else -1])}
        for at, x in enumerate(outer)
    ]
    answers = fleet.at_once(*(post("/block_schemas/", x) for x in bodies))
    assert statuses(answers) == {201: len(outer)}
    for block_type in inner:
        which = {"block_type_id": {"any_": [block_type["id"]]}}
        assert len(fleet.api.post("/block_schemas/filter", json={"block_schemas": which}).json()) == 1


def _holding(held: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """The fields of a schema of its own, whose blocks hold others."""
    definitions = {x["title"]: x for _, x in held}
    properties = {f"field_{at}": {"$ref": f"#/definitions/{x['title']}"} for at, (_, x) in enumerate(held)}
    references = {
        f"field_{at}": {"block_type_slug": slug, "block_schema_checksum": checksum(x)}
        for at, (slug, x) in enumerate(held)
    }
    return fields_of(properties=properties, definitions=definitions, block_schema_references=references)


def test_a_document_is_made_once(fleet: Fleet) -> None:
    """Whoever comes second is told so. (Guards.)"""
    schema = new_schema(fleet.api)
    ids = {"block_schema_id": schema["id"], "block_type_id": schema["block_type_id"]}
    answers = fleet.at_once(*[post("/block_documents/", {"name": unique("document"), "data": {}, **ids})] * MANY)
    assert statuses(answers) == {201: 1, 409: MANY - 1}


def test_fields_merged_at_once_are_all_kept(fleet: Fleet) -> None:
    """Each change builds on those before it."""
    document = new_document(fleet.api, data={})
    path = f"/block_documents/{document['id']}"
    answers = fleet.at_once(
        *(patch(path, {"data": {f"field_{x}": x}, "merge_existing_data": True}) for x in range(MANY))
    )
    assert statuses(answers) == {204: MANY}
    assert revealed(fleet.api, document)["data"] == {f"field_{x}": x for x in range(MANY)}


def test_documents_never_lead_back_to_themselves(fleet: Fleet) -> None:
    """Of two that are to refer to each other, one is refused."""
    for _ in range(5):
        first, second = new_document(fleet.api, data={}), new_document(fleet.api, data={})
        answers = fleet.at_once(
            patch(f"/block_documents/{first['id']}", {"data": {"other": link(second)}}),
            patch(f"/block_documents/{second['id']}", {"data": {"other": link(first)}}),
        )
        assert statuses(answers) == {204: 1, 400: 1}
        assert fleet.api.get(f"/block_documents/{first['id']}").status_code == 200


def test_documents_are_made_while_what_they_refer_to_is_deleted(fleet: Fleet) -> None:
    """Each is made or refused, and its answer is whole."""
    schema = new_schema(fleet.api)
    ids = {"block_schema_id": schema["id"], "block_type_id": schema["block_type_id"]}
    for _ in range(4):
        target = new_document(fleet.api, data={})
        bodies = ({"name": unique("document"), "data": {"other": link(target)}, **ids} for _ in range(MANY))
        calls = [post("/block_documents/", x) for x in bodies]
        answers = fleet.at_once(*calls[:4], delete(f"/block_documents/{target['id']}"), *calls[4:])
        assert answers.pop(4).status_code == 204
        assert statuses(answers).keys() <= {201, 409}


def test_types_are_deleted_while_they_are_used(fleet: Fleet) -> None:
    """Each schema and document is made or refused, and goes with its type."""
    for _ in range(4):
        block_type = new_type(fleet.api)
        schema = new_schema(fleet.api, block_type)
        ids = {"block_schema_id": schema["id"], "block_type_id": block_type["id"]}
        documents = (post("/block_documents/", {"name": unique("document"), "data": {}, **ids}) for _ in range(MANY))
        schemas = (
            post("/block_schemas/", {"block_type_id": block_type["id"], "fields": fields_of()}) for _ in range(MANY)
        )
        calls = [call for pair in zip(documents, schemas, strict=True) for call in pair]
        answers = fleet.at_once(*calls[:8], delete(f"/block_types/{block_type['id']}"), *calls[8:])
        assert answers.pop(8).status_code == 204
        assert statuses(answers).keys() <= {201, 404, 409}
