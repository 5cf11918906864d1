"""Block documents over HTTP: made, read, found, changed and deleted. Secrets and references: test_block_contents.py."""

from typing import Any

import httpx
import pytest

from tests.api.blocks import fields_of, new_document, new_schema, new_type, revealed
from tests.api.records import NOWHERE, unique

NOT_FOUND = (404, {"detail": "Block document not found"})
NAME_RULE = "Block document name must only contain lowercase letters, numbers, and dashes."
NO_NAME = {"loc": ["body", "__root__"], "msg": "Names must be provided for block documents.", "type": "value_error"}


def names(api: httpx.Client, **asked: Any) -> list[str]:
    """The names of the documents that a filter asks for; their number must be the one that is counted."""
    answer = api.post("/block_documents/filter", json=asked)
    assert answer.status_code == 200, answer.text
    if not {"limit", "offset"} & set(asked):
        assert api.post("/block_documents/count", json=asked).json() == len(answer.json())
    return [x["name"] for x in answer.json()]


def of_type(schema: Any, **more: Any) -> dict[str, Any]:
    """What asks for the documents of a type."""
    return {"block_documents": {"block_type_id": {"any_": [schema["block_type_id"]]}, **more}}


def test_a_document_is_created_and_read_with_its_schema_and_type(api: httpx.Client) -> None:
    schema = new_schema(api)
    document = new_document(api, schema, data={"x": [1, {"y": None}]})
    assert list(document) == [
        "id",
        "created",
        "updated",
        "name",
        "data",
        "block_schema_id",
        "block_schema",
        "block_type_id",
        "block_type_name",
        "block_type",
        "block_document_references",
        "is_anonymous",
    ]
    assert document["data"] == {"x": [1, {"y": None}]}
    assert (document["block_schema"], document["block_type"]) == (schema, schema["block_type"])
    assert document["block_type_name"] == schema["block_type"]["name"]
    assert api.get(f"/block_documents/{document['id']}").json() == document


def test_a_name_can_be_taken_once_in_a_type(api: httpx.Client) -> None:
    schema = new_schema(api)
    document = new_document(api, schema)
    given = {key: document[key] for key in ("name", "block_schema_id", "block_type_id")}
    answer = api.post("/block_documents/", json=given)
    assert (answer.status_code, answer.json()) == (409, {"detail": "Block already exists"})
    assert new_document(api, name=document["name"])["name"] == document["name"]


def test_anonymous_documents_need_no_name(api: httpx.Client) -> None:
    """They get one; a name that is given is kept."""
    schema = new_schema(api)
    for given in ({}, {"name": None}, {"name": ""}):
        assert new_document(api, schema, is_anonymous=True, **given)["name"].startswith("anonymous-")
    assert new_document(api, schema, is_anonymous=True, name="named")["name"] == "named"


@pytest.mark.parametrize("given", [{}, {"name": None}, {"name": ""}, {"name": None, "is_anonymous": False}])
def test_other_documents_need_one(api: httpx.Client, given: Any) -> None:
    body = {"block_schema_id": NOWHERE, "block_type_id": NOWHERE, **given}
    answer = api.post("/block_documents/", json=body)
    assert (answer.status_code, answer.json()["exception_detail"]) == (422, [NO_NAME])


@pytest.mark.parametrize("name", ["A", "a_b", "a b"])
def test_names_are_of_small_letters_digits_and_dashes(api: httpx.Client, name: str) -> None:
    """A wrong name counts as none."""
    body = {"name": name, "block_schema_id": NOWHERE, "block_type_id": NOWHERE}
    answer = api.post("/block_documents/", json=body)
    wrong = {"loc": ["body", "name"], "msg": NAME_RULE, "type": "value_error"}
    assert (answer.status_code, answer.json()["exception_detail"]) == (422, [wrong, NO_NAME])


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"data": None}, "data"),
        ({"data": "x"}, "data"),
        ({"block_schema_id": None}, "block_schema_id"),
        ({"block_type_id": "x"}, "block_type_id"),
        ({"is_anonymous": None}, "is_anonymous"),
        ({"id": NOWHERE}, "id"),
    ],
)
def test_what_is_wrong_with_a_document_is_told(api: httpx.Client, given: Any, place: str) -> None:
    body = {"name": "x", "block_schema_id": NOWHERE, "block_type_id": NOWHERE, **given}
    answer = api.post("/block_documents/", json=body)
    assert (answer.status_code, [x["loc"] for x in answer.json()["exception_detail"]]) == (422, [["body", place]])


@pytest.mark.parametrize("unknown", ["block_schema_id", "block_type_id"])
def test_a_document_of_nothing_is_a_conflict(api: httpx.Client, unknown: str) -> None:
    schema = new_schema(api)
    ids = {"block_schema_id": schema["id"], "block_type_id": schema["block_type_id"]} | {unknown: NOWHERE}
    answer = api.post("/block_documents/", json={"name": "x", **ids})
    assert (answer.status_code, list(answer.json())) == (409, ["detail"])


def test_what_was_never_there_is_not_found(api: httpx.Client) -> None:
    """A path that is no id leads nowhere at all."""
    path = f"/block_documents/{NOWHERE}"
    for answer in (api.get(path), api.delete(path), api.patch(path, json={}), api.patch(path, json={"data": {}})):
        assert (answer.status_code, answer.json()) == NOT_FOUND
    answer = api.get("/block_documents/nonsense")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


def test_a_deleted_document_is_gone(api: httpx.Client) -> None:
    path = f"/block_documents/{new_document(api)['id']}"
    assert api.delete(path).status_code == 204
    for answer in (api.delete(path), api.get(path)):
        assert (answer.status_code, answer.json()) == NOT_FOUND


def test_numbers_beyond_64_bits_are_kept(api: httpx.Client) -> None:
    document = new_document(api, data={"big": 2**70, "small": 1e-300})
    assert api.get(f"/block_documents/{document['id']}").json()["data"] == {"big": 2**70, "small": 1e-300}


def test_new_data_is_merged_into_the_old(api: httpx.Client) -> None:
    """Field by field, at the top only."""
    document = new_document(api, data={"a": {"x": 1, "y": 2}, "b": 1})
    path = f"/block_documents/{document['id']}"
    assert api.patch(path, json={"data": {"a": {"x": 3}, "c": 4}}).status_code == 204
    changed = revealed(api, document)
    assert changed["data"] == {"a": {"x": 3}, "b": 1, "c": 4}
    assert changed["updated"] > document["updated"]


@pytest.mark.parametrize("data", [{"data": {"c": 1}}, {"data": {}}, {}])
def test_new_data_may_take_the_place_of_the_old(api: httpx.Client, data: Any) -> None:
    document = new_document(api, data={"a": 1})
    api.patch(f"/block_documents/{document['id']}", json={"merge_existing_data": False, **data})
    assert revealed(api, document)["data"] == data.get("data", {})


@pytest.mark.parametrize("nothing", [{}, {"merge_existing_data": True}, {"block_schema_id": NOWHERE}])
def test_without_data_nothing_changes(api: httpx.Client, nothing: Any) -> None:
    """A schema is taken only along with data."""
    document = new_document(api, data={"a": 1})
    assert api.patch(f"/block_documents/{document['id']}", json=nothing).status_code == 204
    assert revealed(api, document) == document


def test_a_document_moves_among_the_schemas_of_its_type(api: httpx.Client) -> None:
    document = new_document(api, data={"a": 1})
    other = new_schema(api, document["block_type"])
    change = {"block_schema_id": other["id"], "data": {"b": 2}}
    assert api.patch(f"/block_documents/{document['id']}", json=change).status_code == 204
    changed = revealed(api, document)
    assert (changed["block_schema"], changed["data"]) == (other, {"a": 1, "b": 2})


def test_a_document_stays_in_its_type(api: httpx.Client) -> None:
    document = new_document(api)
    change = {"block_schema_id": new_schema(api)["id"], "data": {"b": 2}}
    answer = api.patch(f"/block_documents/{document['id']}", json=change)
    expected = "Must migrate block document to a block schema of the same block type."
    assert (answer.status_code, answer.json()) == (400, {"detail": expected})
    unknown = {"block_schema_id": NOWHERE, "data": {"b": 2}}
    assert api.patch(f"/block_documents/{document['id']}", json=unknown).status_code == 409
    assert revealed(api, document) == document


@pytest.mark.parametrize(
    "given", [{"name": "x"}, {"data": None}, {"merge_existing_data": None}, {"is_anonymous": True}]
)
def test_nothing_else_of_a_document_changes(api: httpx.Client, given: Any) -> None:
    assert api.patch(f"/block_documents/{new_document(api)['id']}", json=given).status_code == 422


def test_documents_are_found_by_name(api: httpx.Client) -> None:
    """`any_` to the letter, `like_` in any case and with wildcards."""
    schema = new_schema(api)
    for name in ("one", "other", "three"):
        new_document(api, schema, name=name)
    for name, found in {
        ("any_", ("one", "Other")): ["one"],
        ("like_", "O_E"): ["one"],
        ("like_", "TH"): ["other", "three"],
        ("like_", "o%e"): ["one", "other"],
        ("any_", ()): [],
    }.items():
        assert names(api, **of_type(schema, name=dict([name]))) == found


def test_anonymous_documents_are_found_on_request(api: httpx.Client) -> None:
    schema = new_schema(api)
    shown, hidden = new_document(api, schema)["name"], new_document(api, schema, is_anonymous=True)["name"]
    assert names(api, **of_type(schema)) == [shown]
    assert names(api, **of_type(schema, is_anonymous={"eq_": True})) == [hidden]
    assert set(names(api, **of_type(schema, is_anonymous=None))) == {shown, hidden}
    asked = {"block_schemas": {"id": {"any_": [schema["id"]]}}}
    assert names(api, **asked) == [shown]


def test_documents_are_found_by_their_types_and_schemas(api: httpx.Client) -> None:
    word = unique("can")
    one = new_document(api, new_schema(api, capabilities=[word], version=word))
    other = new_document(api, new_schema(api, one["block_type"]))
    slug = {"slug": {"any_": [one["block_type"]["slug"]]}}
    assert set(names(api, block_types=slug)) == {one["name"], other["name"]}
    assert names(api, block_schemas={"block_capabilities": {"all_": [word]}}) == [one["name"]]
    assert names(api, block_types=slug, block_schemas={"version": {"any_": ["non-versioned"]}}) == [other["name"]]
    assert names(api, block_documents={"id": {"any_": [other["id"]]}}, block_types={}) == [other["name"]]


def test_any_part_of_a_filter_may_do(api: httpx.Client) -> None:
    """Once its operator says so; being named counts as a part unless it is taken out."""
    one, other = new_document(api), new_document(api)
    parts = {"operator": "or_", "id": {"any_": [one["id"]]}, "name": {"any_": [other["name"]]}}
    assert set(names(api, block_documents=parts | {"is_anonymous": None})) == {one["name"], other["name"]}
    assert api.post("/block_documents/count", json={"block_documents": parts}).json() > 2


def test_documents_are_sorted_and_paged(api: httpx.Client) -> None:
    """By name, or by the names of their types first."""
    word = unique("sorted")
    first, second = (new_schema(api, new_type(api, name=f"{word} {x}")) for x in "ab")
    for schema, name in ((second, "a"), (first, "c"), (first, "b")):
        new_document(api, schema, name=f"{word}-{name}")
    mine = {"block_types": {"name": {"like_": word}}}
    assert names(api, **mine) == [f"{word}-{x}" for x in "abc"]
    assert names(api, **mine, sort="NAME_DESC") == [f"{word}-{x}" for x in "cba"]
    assert names(api, **mine, sort="BLOCK_TYPE_AND_NAME_ASC") == [f"{word}-{x}" for x in "bca"]
    assert names(api, **mine, limit=1, offset=1) == [f"{word}-b"]


def test_found_documents_show_secrets_on_request(api: httpx.Client) -> None:
    schema = new_schema(api, fields=fields_of(secret_fields=["word"]))
    new_document(api, schema, data={"word": "hunter2"})
    for asked, shown in (({}, "********"), ({"include_secrets": True}, "hunter2")):
        (found,) = api.post("/block_documents/filter", json=of_type(schema) | asked).json()
        assert found["data"] == {"word": shown}


@pytest.mark.parametrize(
    "body",
    [{"block_documents": {"nobody": 1}}, {"sort": "X"}, {"limit": 201}, {"offset": -1}, {"include_secrets": "x"}],
)
def test_filters_that_mean_nothing_are_refused(api: httpx.Client, body: Any) -> None:
    assert api.post("/block_documents/filter", json=body).status_code == 422


def test_the_runs_that_a_deleted_block_described_free_their_slots(api: httpx.Client) -> None:
    """A run goes with the block of its infrastructure, and with it the slots of its task runs."""
    block_type = api.post("/block_types/", json={"name": "Infra", "slug": "infra-with-slots"}).json()
    fields = {"title": "Infra", "type": "object", "properties": {}, "block_type_slug": "infra-with-slots"}
    schema = api.post("/block_schemas/", json={"fields": fields, "block_type_id": block_type["id"]}).json()
    owner = {"block_type_id": block_type["id"], "block_schema_id": schema["id"]}
    document = api.post("/block_documents/", json={"name": "machine", "data": {}, **owner}).json()
    flow = api.post("/flows/", json={"name": "with-infra"}).json()
    body = {"flow_id": flow["id"], "infrastructure_document_id": document["id"], "state": {"type": "RUNNING"}}
    flow_run = api.post("/flow_runs/", json=body).json()
    api.post("/concurrency_limits/", json={"tag": "infra-slots", "concurrency_limit": 1})
    keys = {"task_key": "k", "dynamic_key": "0", "tags": ["infra-slots"]}
    task_run = api.post("/task_runs/", json={"flow_run_id": flow_run["id"], **keys}).json()
    api.post(f"/task_runs/{task_run['id']}/set_state", json={"state": {"type": "RUNNING"}})
    assert api.get("/concurrency_limits/tag/infra-slots").json()["active_slots"] == [task_run["id"]]
    assert api.delete(f"/block_types/{block_type['id']}").status_code == 204
    assert api.get(f"/flow_runs/{flow_run['id']}").status_code == 404
    assert api.get("/concurrency_limits/tag/infra-slots").json()["active_slots"] == []
