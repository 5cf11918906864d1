"""Block schemas and capabilities over HTTP."""

from typing import Any

import httpx
import pytest

from tests.api.blocks import fields_of, new_document, new_schema, new_type
from tests.api.records import NOWHERE, unique

NOT_FOUND = (404, {"detail": "Block schema not found"})


def ids(api: httpx.Client, wanted: Any, **page: Any) -> list[str]:
    """The ids of the schemas that a filter asks for."""
    answer = api.post("/block_schemas/filter", json={"block_schemas": wanted, **page})
    assert answer.status_code == 200, answer.text
    return [x["id"] for x in answer.json()]


def register(api: httpx.Client, block_type: Any, fields: Any, **more: Any) -> httpx.Response:
    return api.post("/block_schemas/", json={"block_type_id": block_type["id"], "fields": fields, **more})


def reference(schema: Any) -> dict[str, str]:
    """How the fields of a schema name another."""
    return {"block_type_slug": schema["block_type"]["slug"], "block_schema_checksum": schema["checksum"]}


def holding(field: str, *schemas: Any) -> dict[str, Any]:
    """Fields with one field for a block of the given schemas, which are described among the definitions."""
    titles = [x["fields"]["title"] for x in schemas]
    kinds = [{"$ref": f"#/definitions/{x}"} for x in titles]
    found = [reference(x) for x in schemas]
    return fields_of(
        properties={field: kinds[0] if len(kinds) == 1 else {"anyOf": kinds}},
        block_schema_references={field: found[0] if len(found) == 1 else found},
        definitions=dict(zip(titles, (x["fields"] for x in schemas), strict=True)),
    )


def test_a_schema_is_created_and_read(api: httpx.Client) -> None:
    schema = new_schema(api, capabilities=["b", "a"], version="1.0")
    assert list(schema) == [
        "id",
        "created",
        "updated",
        "checksum",
        "fields",
        "block_type_id",
        "block_type",
        "capabilities",
        "version",
    ]
    assert (schema["capabilities"], schema["version"]) == (["b", "a"], "1.0")
    assert schema["block_type"] == api.get(f"/block_types/{schema['block_type_id']}").json()
    assert api.get(f"/block_schemas/{schema['id']}").json() == schema


def test_a_schema_needs_a_type_only(api: httpx.Client) -> None:
    """Without fields it refers to nothing, and has no version."""
    block_type = new_type(api)
    schema = api.post("/block_schemas/", json={"block_type_id": block_type["id"]}).json()
    assert (schema["fields"], schema["version"]) == ({"block_schema_references": {}}, "non-versioned")


def test_the_same_fields_and_version_are_the_same_schema(api: httpx.Client) -> None:
    """200 with the first one, whatever else is said of it."""
    fields = fields_of(secret_fields=["x"])
    first = new_schema(api, fields=fields, version="1", capabilities=["a"])
    again = register(api, new_type(api), fields | {"secret_fields": []}, version="1", capabilities=["b"])
    assert (again.status_code, again.json()) == (200, first)
    other = register(api, first["block_type"], fields, version="2")
    assert (other.status_code, other.json()["checksum"]) == (201, first["checksum"])


def test_a_schema_is_found_by_its_checksum(api: httpx.Client) -> None:
    """The newest, unless a version is named."""
    fields = fields_of()
    first = new_schema(api, fields=fields, version="1")
    second = new_schema(api, first["block_type"], fields, version="2")
    path = f"/block_schemas/checksum/{first['checksum']}"
    assert api.get(path).json() == second
    assert api.get(f"{path}?version=1").json() == first
    for missing in (f"{path}?version=3", "/block_schemas/checksum/sha256:0"):
        assert (api.get(missing).status_code, api.get(missing).json()) == NOT_FOUND


def test_a_schema_shows_those_that_it_refers_to(api: httpx.Client) -> None:
    """When it is made as it was given, later as they are kept; its own definitions are pruned."""
    one, two = new_schema(api), new_schema(api)
    fields = holding("either", one, two)
    fields["properties"]["model"] = {"$ref": "#/definitions/Model"}
    fields["definitions"] |= {"Model": {"title": "Model"}, "Unused": {"title": "Unused"}}
    answer = register(api, new_type(api), fields)
    assert (answer.status_code, answer.json()["fields"]) == (201, fields)
    read = api.get(f"/block_schemas/{answer.json()['id']}").json()["fields"]
    assert read["block_schema_references"] == {"either": [reference(one), reference(two)]}
    assert set(read["definitions"]) == {one["fields"]["title"], two["fields"]["title"], "Model"}
    assert read["definitions"][one["fields"]["title"]] == one["fields"]


def test_schemas_within_a_new_one_become_known(api: httpx.Client) -> None:
    """However deep, under the checksums that clients reckon; their types must be known."""
    inner = {"title": unique("Inner"), "block_type_slug": new_type(api)["slug"], "block_schema_references": {}}
    known = new_schema(api, fields=inner | {"title": unique("Known")})
    deep = holding("known", known) | {"block_type_slug": new_type(api)["slug"]}
    definitions = deep.pop("definitions")
    type_of_deep = {"block_type_slug": deep["block_type_slug"], "block_schema_checksum": "sha256:unknown"}
    outer = fields_of(
        properties={"deep": {"$ref": f"#/definitions/{deep['title']}"}},
        block_schema_references={"deep": type_of_deep},
        definitions={**definitions, deep["title"]: deep},
    )
    made = register(api, new_type(api), outer).json()
    read = api.get(f"/block_schemas/{made['id']}").json()
    checksum = read["fields"]["block_schema_references"]["deep"]["block_schema_checksum"]
    found = api.get(f"/block_schemas/checksum/{checksum}").json()
    assert found["block_type"]["slug"] == deep["block_type_slug"]
    assert found["fields"]["block_schema_references"] == {"known": reference(known)}
    assert set(read["fields"]["definitions"]) == {deep["title"], known["fields"]["title"]}


def test_an_unknown_type_is_told(api: httpx.Client) -> None:
    for type_id, name in ((NOWHERE, NOWHERE), (None, "None")):
        answer = api.post("/block_schemas/", json={"block_type_id": type_id})
        assert (answer.status_code, answer.json()) == (404, {"detail": f"Block type {name} not found."})


def test_an_unknown_type_within_a_schema_is_told(api: httpx.Client) -> None:
    """Nothing of the schema is kept."""
    block_type = new_type(api)
    fields = fields_of(block_schema_references={"x": {"block_type_slug": "no", "block_schema_checksum": "no"}})
    answer = register(api, block_type, fields)
    expected = (
        "Cannot create block schema because block type 'no' was not found.Did you forget to register the block type?"
    )
    assert (answer.status_code, answer.json()) == (409, {"detail": expected})
    assert ids(api, {"block_type_id": {"any_": [block_type["id"]]}}) == []


def test_fields_that_lead_nowhere_are_refused(api: httpx.Client) -> None:
    """Nothing of the schema is kept."""
    block_type = new_type(api)
    nested = {"block_type_slug": block_type["slug"], "block_schema_checksum": "sha256:unknown"}
    wrong: list[dict[str, Any]] = [
        {"block_schema_references": {"x": nested}},
        {"block_schema_references": {"x": "nonsense"}},
        {"block_schema_references": "nonsense"},
        {"definitions": "nonsense"},
    ]
    for fields in wrong:
        answer = register(api, block_type, fields_of(**fields))
        assert (answer.status_code, list(answer.json())) == (422, ["detail"])
    assert ids(api, {"block_type_id": {"any_": [block_type["id"]]}}) == []


def test_a_schema_cannot_be_within_itself(api: httpx.Client) -> None:
    """It would have no end."""
    block_type = new_type(api)
    title = unique("Endless")
    fields = {
        "title": title,
        "properties": {"x": {"$ref": f"#/definitions/{title}"}},
        "block_type_slug": block_type["slug"],
        "block_schema_references": {"x": {"block_type_slug": block_type["slug"], "block_schema_checksum": "unknown"}},
    }
    answer = register(api, block_type, fields | {"definitions": {title: fields}})
    assert (answer.status_code, answer.json()) == (422, {"detail": "The block schema refers to itself in field 'x'."})
    assert ids(api, {"block_type_id": {"any_": [block_type["id"]]}}) == []


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"fields": None}, "fields"),
        ({"fields": "x"}, "fields"),
        ({"capabilities": None}, "capabilities"),
        ({"version": None}, "version"),
        ({"block_type_id": "x"}, "block_type_id"),
        ({"checksum": "x"}, "checksum"),
    ],
)
def test_what_is_wrong_with_a_schema_is_told(api: httpx.Client, given: Any, place: str) -> None:
    answer = api.post("/block_schemas/", json={"block_type_id": NOWHERE, **given})
    assert (answer.status_code, [x["loc"] for x in answer.json()["exception_detail"]]) == (422, [["body", place]])


def test_numbers_beyond_64_bits_are_kept(api: httpx.Client) -> None:
    schema = new_schema(api, fields=fields_of(maximum=2**70))
    assert api.get(f"/block_schemas/{schema['id']}").json()["fields"]["maximum"] == 2**70


def test_a_deleted_schema_is_gone_with_its_documents(api: httpx.Client) -> None:
    schema = new_schema(api)
    document = new_document(api, schema)
    path = f"/block_schemas/{schema['id']}"
    assert api.delete(path).status_code == 204
    for answer in (api.delete(path), api.get(path)):
        assert (answer.status_code, answer.json()) == NOT_FOUND
    assert api.get(f"/block_documents/{document['id']}").status_code == 404


def test_a_schema_forgets_one_that_is_deleted(api: httpx.Client) -> None:
    one, two = new_schema(api), new_schema(api)
    made = register(api, new_type(api), holding("either", one, two)).json()
    api.delete(f"/block_schemas/{two['id']}")
    fields = api.get(f"/block_schemas/{made['id']}").json()["fields"]
    assert fields["block_schema_references"] == {"either": reference(one)}
    assert set(fields["definitions"]) == {one["fields"]["title"]}


def test_schemas_are_found_by_filter_the_newest_first(api: httpx.Client) -> None:
    word = unique("can")
    one = new_schema(api, version="1.0", capabilities=[word, "x"])
    two = new_schema(api, one["block_type"], version=word, capabilities=[word])
    of_type = {"block_type_id": {"any_": [one["block_type_id"]]}}
    assert ids(api, of_type) == [two["id"], one["id"]]
    assert ids(api, of_type, limit=1, offset=1) == [one["id"]]
    assert ids(api, {"block_capabilities": {"all_": ["x", word]}}) == [one["id"]]
    assert ids(api, of_type | {"block_capabilities": {"all_": []}}) == [two["id"], one["id"]]
    assert ids(api, {"version": {"any_": [word]}}) == [two["id"]]
    assert ids(api, of_type | {"version": {"any_": ["1.0"]}}) == [one["id"]]
    either = {"operator": "or_", "id": {"any_": [one["id"]]}, "version": {"any_": [word]}}
    assert ids(api, either) == [two["id"], one["id"]]
    assert ids(api, {"id": {"any_": []}}) == []


def test_capabilities_are_those_of_all_schemas(api: httpx.Client) -> None:
    """Each once."""
    word = unique("can")
    for _ in range(2):
        new_schema(api, capabilities=[word, f"{word}-more", word])
    found = api.get("/block_capabilities/").json()
    assert [x for x in found if x.startswith(word)] == [word, f"{word}-more"]
