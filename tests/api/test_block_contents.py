"""What block documents hold: secrets and references to other documents, over HTTP."""

from typing import Any

import httpx
import pytest

from tests.api.blocks import fields_of, link, new_document, new_schema, revealed
from tests.api.records import NOWHERE

MASK = "********"
SECRETS = ["word", "login.word", "headers.*"]


def secretive(api: httpx.Client) -> Any:
    """A schema with secrets."""
    return new_schema(api, fields=fields_of(secret_fields=SECRETS))


def change(api: httpx.Client, document: Any, data: Any, **more: Any) -> httpx.Response:
    return api.patch(f"/block_documents/{document['id']}", json={"data": data, **more})


def test_secrets_are_shown_on_request_only(api: httpx.Client) -> None:
    """Wherever the schema says that there are some."""
    data = {"word": "a", "login": {"name": "b", "word": "c"}, "headers": {"d": "e", "f": {"g": None}}, "word2": "h"}
    document = new_document(api, secretive(api), data=data)
    masked = data | {"word": MASK, "login": {"name": "b", "word": MASK}, "headers": {"d": MASK, "f": {"g": MASK}}}
    path = f"/block_documents/{document['id']}"
    assert document["data"] == api.get(path).json()["data"] == masked
    assert api.get(f"{path}?include_secrets=false").json()["data"] == masked
    assert revealed(api, document)["data"] == data


@pytest.mark.parametrize(("value", "shown"), [("", MASK), (5, MASK), (["a"], MASK), (None, None)])
def test_every_value_of_a_secret_is_masked(api: httpx.Client, value: Any, shown: Any) -> None:
    """Of any type but null."""
    document = new_document(api, secretive(api), data={"word": value})
    assert (document["data"], revealed(api, document)["data"]) == ({"word": shown}, {"word": value})


@pytest.mark.parametrize("paths", [None, [], [1, None]])
def test_a_schema_may_say_nothing_of_secrets(api: httpx.Client, paths: Any) -> None:
    document = new_document(api, new_schema(api, fields=fields_of(secret_fields=paths)), data={"word": "a"})
    assert document["data"] == {"word": "a"}


def test_a_mask_that_comes_back_leaves_the_secret_as_it_is(api: httpx.Client) -> None:
    """Whoever was shown the mask may send it back along with what they change."""
    data = {"word": "a", "login": {"name": "b", "word": "c"}, "headers": {"d": "e", "f": "g"}}
    document = new_document(api, secretive(api), data=data)
    sent = {"word": MASK, "login": {"name": "new", "word": MASK}, "headers": {"d": MASK, "f": "new"}}
    assert change(api, document, sent).status_code == 204
    expected = {"word": "a", "login": {"name": "new", "word": "c"}, "headers": {"d": "e", "f": "new"}}
    assert revealed(api, document)["data"] == expected
    assert change(api, document, {"word": MASK}, merge_existing_data=False).status_code == 204
    assert revealed(api, document)["data"] == {"word": "a"}


def test_a_secret_takes_a_new_value(api: httpx.Client) -> None:
    document = new_document(api, secretive(api), data={"word": "a"})
    change(api, document, {"word": "b"})
    assert revealed(api, document)["data"] == {"word": "b"}


def test_a_field_that_refers_to_a_document_holds_its_data(api: httpx.Client) -> None:
    """With its secrets masked by its own schema; beside the data stands what it is."""
    inner = new_document(api, secretive(api), data={"word": "a", "x": 1})
    outer = new_document(api, data={"inner": link(inner), "y": 2})
    assert outer["data"] == {"y": 2, "inner": {"word": MASK, "x": 1}}
    assert outer["block_document_references"] == {
        "inner": {
            "block_document": {
                "id": inner["id"],
                "name": inner["name"],
                "block_type": inner["block_type"],
                "is_anonymous": False,
                "block_document_references": {},
            }
        }
    }
    assert api.get(f"/block_documents/{outer['id']}").json() == outer
    assert revealed(api, outer)["data"] == {"y": 2, "inner": {"word": "a", "x": 1}}


def test_references_are_followed_all_the_way(api: httpx.Client) -> None:
    """A document may be reached in several ways, and may be anonymous."""
    inmost = new_document(api, is_anonymous=True, data={"x": 1})
    inner = new_document(api, data={"inmost": link(inmost)})
    outer = new_document(api, data={"inner": link(inner), "short": link(inmost), "again": link(inmost)})
    assert outer["data"] == {"inner": {"inmost": {"x": 1}}, "short": {"x": 1}, "again": {"x": 1}}
    below = outer["block_document_references"]["inner"]["block_document"]["block_document_references"]
    assert (below["inmost"]["block_document"]["id"], set(below)) == (inmost["id"], {"inmost"})


def test_a_document_shows_what_the_one_it_refers_to_holds_now(api: httpx.Client) -> None:
    inner = new_document(api, data={"x": 1})
    outer = new_document(api, data={"inner": link(inner)})
    change(api, inner, {"x": 2})
    assert revealed(api, outer)["data"] == {"inner": {"x": 2}}
    api.delete(f"/block_documents/{inner['id']}")
    assert (revealed(api, outer)["data"], revealed(api, outer)["block_document_references"]) == ({}, {})


def test_references_change_with_the_data(api: httpx.Client) -> None:
    """A field may turn from a reference into a value and back; one that is not named again is given up."""
    one, other = new_document(api, data={"x": 1}), new_document(api, data={"x": 2})
    outer = new_document(api, data={"a": link(one), "b": 1})
    change(api, outer, {"a": link(other), "b": link(one)})
    assert revealed(api, outer)["data"] == {"a": {"x": 2}, "b": {"x": 1}}
    change(api, outer, {"b": 3, "a": link(other)})
    assert revealed(api, outer)["data"] == {"a": {"x": 2}, "b": 3}
    change(api, outer, {"c": 4})
    assert revealed(api, outer)["data"] == {"b": 3, "c": 4}
    assert revealed(api, outer)["block_document_references"] == {}


@pytest.mark.parametrize(
    ("reference", "status", "reason"),
    [
        ({}, 400, "Received block reference without a block_document_id in key inner"),
        (
            {"block_document_id": "x"},
            400,
            "1 validation error for BlockDocumentReferenceCreate\n"
            "reference_block_document_id\n  value is not a valid uuid (type=type_error.uuid)",
        ),
        ({"block_document_id": NOWHERE}, 409, None),
    ],
)
def test_references_to_nothing_are_refused(api: httpx.Client, reference: Any, status: int, reason: str | None) -> None:
    """When a document is made and when it is changed, which leaves it as it was."""
    document = new_document(api, data={"x": 1})
    ids = {"block_schema_id": document["block_schema_id"], "block_type_id": document["block_type_id"]}
    data = {"inner": {"$ref": reference}, "x": 2}
    for answer in (
        api.post("/block_documents/", json={"name": "refused", "data": data, **ids}),
        change(api, document, data),
    ):
        assert answer.status_code == status
        assert reason in (None, answer.json()["detail"])
    assert revealed(api, document) == document
    slug = document["block_type"]["slug"]
    assert api.get(f"/block_types/slug/{slug}/block_documents/name/refused").status_code == 404


def test_a_document_cannot_refer_to_itself(api: httpx.Client) -> None:
    """Nor by way of others: its data would have no end."""
    inner = new_document(api)
    outer = new_document(api, data={"inner": link(inner)})
    outmost = new_document(api, data={"outer": link(outer)})
    answer = change(api, inner, {"self": link(inner)})
    assert (answer.status_code, "cannot be the same" in answer.json()["detail"]) == (400, True)
    answer = change(api, inner, {"around": link(outmost)})
    expected = "The reference in key around leads back to the block document itself"
    assert (answer.status_code, answer.json()["detail"]) == (400, expected)
    assert revealed(api, inner) == inner


def test_what_only_looks_like_a_reference_is_kept(api: httpx.Client) -> None:
    """A JSON schema, for one."""
    document = new_document(api)
    data = {"value": {"$ref": "#/definitions/x"}, "deep": {"a": link(document)}, "list": [link(document)]}
    assert new_document(api, data=data)["data"] == data
