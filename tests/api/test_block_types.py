"""Block types over HTTP, the server's own among them."""

from typing import Any

import httpx
import pytest

from tests.api.blocks import fields_of, new_document, new_schema, new_type
from tests.api.records import NOWHERE, unique

NOT_FOUND = (404, {"detail": "Block type not found"})
DESCRIBED = {
    "logo_url": "https://example.com/logo.png",
    "documentation_url": "https://example.com/docs",
    "description": "a <b> & 'c'",
    "code_example": "x > y",
}
OWN = {"webhook", "json", "date-time", "secret", "local-file-system", "process"}


def slugs(api: httpx.Client, **asked: Any) -> list[str]:
    answer = api.post("/block_types/filter", json=asked)
    assert answer.status_code == 200, answer.text
    return [x["slug"] for x in answer.json()]


def test_a_type_is_created_and_read_by_id_and_by_slug(api: httpx.Client) -> None:
    block_type = new_type(api)
    assert list(block_type) == [
        "id",
        "created",
        "updated",
        "name",
        "slug",
        "logo_url",
        "documentation_url",
        "description",
        "code_example",
        "is_protected",
    ]
    assert block_type["is_protected"] is False
    assert api.get(f"/block_types/{block_type['id']}").json() == block_type
    assert api.get(f"/block_types/slug/{block_type['slug']}").json() == block_type


def test_descriptions_are_kept_fit_for_a_web_page(api: httpx.Client) -> None:
    """Markup is escaped in what a type is created with."""
    block_type = new_type(api, **DESCRIBED)
    assert block_type["description"] == "a &lt;b&gt; &amp; 'c'"
    assert block_type["code_example"] == "x &gt; y"


def test_a_slug_can_be_taken_once(api: httpx.Client) -> None:
    """A name can be taken again: each answer is the type that was made."""
    block_type = new_type(api)
    answer = api.post("/block_types/", json={"name": "Other", "slug": block_type["slug"]})
    assert (answer.status_code, answer.json()) == (409, {"detail": 'Block type with name "Other" already exists'})
    same_name = new_type(api, name=block_type["name"], slug=unique("slug"))
    assert (same_name["id"] != block_type["id"], same_name["name"]) == (True, block_type["name"])


@pytest.mark.parametrize("name", ["Prefect", "prefect block", "PREFECTish"])
def test_names_of_the_vendor_are_reserved(api: httpx.Client, name: str) -> None:
    answer = api.post("/block_types/", json={"name": name, "slug": "x"})
    expected = {"detail": "Block type names beginning with 'Prefect' are reserved."}
    assert (answer.status_code, answer.json()) == (403, expected)


@pytest.mark.parametrize(
    ("given", "place", "kind"),
    [
        ({"name": "a/b"}, "name", "value_error.invalidname"),
        ({"name": None}, "name", "type_error.none.not_allowed"),
        ({"slug": "A_b"}, "slug", "value_error"),
        ({"logo_url": "nonsense"}, "logo_url", "value_error.url.scheme"),
        ({"is_protected": True}, "is_protected", "value_error.extra"),
    ],
)
def test_what_is_wrong_with_a_type_is_told(api: httpx.Client, given: Any, place: str, kind: str) -> None:
    answer = api.post("/block_types/", json={"name": "x", "slug": "x", **given})
    found = [(x["loc"], x["type"]) for x in answer.json()["exception_detail"]]
    assert (answer.status_code, found) == (422, [(["body", place], kind)])


def test_only_what_is_given_changes(api: httpx.Client) -> None:
    """What is changed later is kept as it is."""
    block_type = new_type(api, **DESCRIBED)
    path = f"/block_types/{block_type['id']}"
    assert api.patch(path, json={"description": "<new>", "logo_url": None}).status_code == 204
    changed = api.get(path).json()
    assert changed == block_type | {"description": "<new>", "logo_url": None, "updated": changed["updated"]}
    assert changed["updated"] > block_type["updated"]


def test_what_says_nothing_new_changes_nothing(api: httpx.Client) -> None:
    """Clients describe their types anew at every use."""
    block_type = new_type(api, **DESCRIBED)
    path = f"/block_types/{block_type['id']}"
    assert api.patch(path, json=DESCRIBED).status_code == 204
    assert api.get(path).json() == block_type


def test_a_type_keeps_its_name_and_slug(api: httpx.Client) -> None:
    path = f"/block_types/{new_type(api)['id']}"
    assert api.patch(path, json={"name": "x"}).status_code == 422
    assert api.patch(path, json={"slug": "x"}).status_code == 422


def test_a_deleted_type_is_gone_with_its_schemas_and_documents(api: httpx.Client) -> None:
    schema = new_schema(api)
    document = new_document(api, schema)
    path = f"/block_types/{schema['block_type_id']}"
    assert api.delete(path).status_code == 204
    for answer in (api.delete(path), api.get(path), api.patch(path, json={})):
        assert (answer.status_code, answer.json()) == NOT_FOUND
    assert api.get(f"/block_schemas/{schema['id']}").status_code == 404
    assert api.get(f"/block_documents/{document['id']}").status_code == 404


def test_what_was_never_there_is_not_found(api: httpx.Client) -> None:
    for path in (NOWHERE, "slug/nowhere", "slug/nowhere/block_documents"):
        answer = api.get(f"/block_types/{path}")
        assert (answer.status_code, answer.json()) == NOT_FOUND
    answer = api.get("/block_types/slug/nowhere/block_documents/name/x")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Block document not found"})


def test_types_are_found_by_name_and_slug(api: httpx.Client) -> None:
    """By name in any case, in the order of their names, in pages."""
    word = unique("word")
    made = [new_type(api, name=f"{word} {x}", slug=f"{word}-{x}")["slug"] for x in "cab"]
    named = {"name": {"like_": word.upper()}}
    assert slugs(api, block_types=named) == sorted(made)
    assert slugs(api, block_types=named, limit=1, offset=1) == [f"{word}-b"]
    assert slugs(api, block_types={"slug": {"any_": [made[0], "nowhere"]}}) == [made[0]]
    assert slugs(api, block_types={"slug": {"any_": []}}) == []


def test_types_are_found_by_what_their_blocks_can_do(api: httpx.Client) -> None:
    """A type fits where one of its schemas does."""
    word = unique("can")
    schema = new_schema(api, capabilities=[word, "other"])
    new_schema(api, schema["block_type"], capabilities=[])
    able = {"block_capabilities": {"all_": [word]}}
    assert slugs(api, block_schemas=able) == [schema["block_type"]["slug"]]
    assert slugs(api, block_schemas={"block_capabilities": {"all_": [word, "more"]}}) == []


@pytest.mark.parametrize(
    "body", [{"block_types": {"operator": "or_"}}, {"block_schemas": {"nobody": 1}}, {"limit": 201}, {"offset": -1}]
)
def test_filters_that_mean_nothing_are_refused(api: httpx.Client, body: Any) -> None:
    assert api.post("/block_types/filter", json=body).status_code == 422


def test_the_documents_of_a_type_are_listed_by_name(api: httpx.Client) -> None:
    """Without anonymous ones, which are found by their names all the same."""
    schema = new_schema(api)
    word = unique("listed")
    for suffix in "ba":
        new_document(api, schema, name=f"{word}-{suffix}")
    new_document(api, schema, name=f"{word}-hidden", is_anonymous=True)
    path = f"/block_types/slug/{schema['block_type']['slug']}/block_documents"
    assert [x["name"] for x in api.get(path).json()] == [f"{word}-a", f"{word}-b"]
    for name in (f"{word}-a", f"{word}-hidden"):
        assert api.get(f"{path}/name/{name}").json()["name"] == name


def test_secrets_are_shown_on_request(api: httpx.Client) -> None:
    schema = new_schema(api, fields=fields_of(secret_fields=["word"]))
    document = new_document(api, schema, data={"word": "hunter2"})
    path = f"/block_types/slug/{schema['block_type']['slug']}/block_documents"
    for url, found in ((path, lambda x: x[0]), (f"{path}/name/{document['name']}", lambda x: x)):
        assert found(api.get(url).json())["data"] == {"word": "********"}
        assert found(api.get(f"{url}?include_secrets=true").json())["data"] == {"word": "hunter2"}


def test_the_server_has_types_of_its_own(api: httpx.Client) -> None:
    """Once they are installed, which may be repeated; each has one schema, and can't be deleted."""
    for _ in range(2):
        answer = api.post("/block_types/install_system_block_types")
        assert (answer.status_code, answer.json()) == (200, None)
    assert set(slugs(api)) >= OWN
    for slug in OWN:
        block_type = api.get(f"/block_types/slug/{slug}").json()
        wanted = {"block_type_id": {"any_": [block_type["id"]]}}
        (schema,) = api.post("/block_schemas/filter", json={"block_schemas": wanted}).json()
        refused = api.delete(f"/block_types/{block_type['id']}")
        assert (refused.status_code, refused.json()["detail"]) == (403, "protected block types cannot be deleted.")
        refused = api.delete(f"/block_schemas/{schema['id']}")
        expected = "Block schemas for protected block types cannot be deleted."
        assert (refused.status_code, refused.json()["detail"]) == (403, expected)


def test_the_server_s_own_secrets_are_secret(api: httpx.Client) -> None:
    api.post("/block_types/install_system_block_types")
    secret = api.get("/block_types/slug/secret").json()
    wanted = {"block_type_id": {"any_": [secret["id"]]}}
    (schema,) = api.post("/block_schemas/filter", json={"block_schemas": wanted}).json()
    assert new_document(api, schema, data={"value": "hunter2"})["data"] == {"value": "********"}
