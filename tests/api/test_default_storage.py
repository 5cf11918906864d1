"""The block that keeps results by default, over HTTP."""

from typing import Any

import httpx
import pytest

from tests.api.records import NOWHERE, made, unique

PATH = "/admin/storage"
NONE = {"default_result_storage_block_id": None}


def new_document(api: httpx.Client, *capabilities: str) -> Any:
    """A block document of a schema with these capabilities."""
    word = unique("storage")
    kind = made(api, "/block_types/", {"name": word, "slug": word})["id"]
    body = {"fields": {"title": word}, "block_type_id": kind, "capabilities": capabilities}
    schema = made(api, "/block_schemas/", body)["id"]
    return made(api, "/block_documents/", {"name": word, "data": {}, "block_type_id": kind, "block_schema_id": schema})[
        "id"
    ]


@pytest.fixture(autouse=True)
def nothing_chosen(api: httpx.Client) -> None:
    assert api.delete(PATH).status_code == 204


def test_none_is_chosen_at_first(api: httpx.Client) -> None:
    assert api.get(PATH).json() == NONE


def test_a_block_is_chosen_and_another_in_its_place(api: httpx.Client) -> None:
    """Until none is."""
    for document in (new_document(api, "write-path"), new_document(api, "read-path", "write-path")):
        chosen = {"default_result_storage_block_id": document}
        answer = api.put(PATH, json=chosen)
        assert (answer.status_code, answer.json()) == (200, chosen)
        assert api.get(PATH).json() == chosen
    assert api.delete(PATH).status_code == 204
    assert api.get(PATH).json() == NONE


def test_a_block_must_be_there_and_be_able_to_write(api: httpx.Client) -> None:
    """Otherwise the choice stays."""
    document = new_document(api)
    answer = api.put(PATH, json={"default_result_storage_block_id": NOWHERE})
    assert (answer.status_code, answer.json()) == (404, {"detail": f"Block document {NOWHERE} not found."})
    answer = api.put(PATH, json={"default_result_storage_block_id": document})
    message = f"Block document {document} cannot be used for result storage."
    assert (answer.status_code, answer.json()) == (422, {"detail": message})
    assert api.put(PATH, json={}).status_code == 422
    assert api.get(PATH).json() == NONE


def test_a_deleted_block_is_no_longer_chosen(api: httpx.Client) -> None:
    document = new_document(api, "write-path")
    api.put(PATH, json={"default_result_storage_block_id": document})
    assert api.delete(f"/block_documents/{document}").status_code == 204
    assert api.get(PATH).json() == NONE
