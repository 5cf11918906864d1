"""Blocks: the client's own types and a user's, with secrets and references."""

from typing import Any

import pytest

from .api import Api
from .client import Client


@pytest.fixture(scope="module")
def report(client: Client, word: str) -> Any:
    """What `flows/blocks.py` saw."""
    return client.script("blocks", word)


def document(api: Api, slug: str, name: str, **query: Any) -> Any:
    """A block document by its type's slug and its name."""
    return api.get(f"/block_types/slug/{slug}/block_documents/name/{name}", **query)


def test_json_and_time_blocks_load_as_they_were_saved(report: Any) -> None:
    assert report["built_in"]["json"] == {"a": [1, None, {"b": "c"}]}
    assert report["built_in"]["moment"] == "2030-01-02T03:04:05+02:00"


def test_a_block_is_overwritten_only_on_request(report: Any, api: Api, word: str) -> None:
    assert report["built_in"]["refused"].startswith("ValueError: You are attempting to save values with a name")
    assert report["built_in"]["string"] == ["first", "third"]
    assert document(api, "string", f"string-{word}")["data"] == {"value": "third"}


def test_a_block_loads_by_its_type_s_slug(report: Any) -> None:
    assert report["built_in"]["by_slug"] == "third"


def test_a_secret_loads_whole_and_is_shown_masked(report: Any) -> None:
    assert report["secret"]["value"] == "hunter2 and more"
    assert report["secret"]["shown"] == "**********"


def test_a_secret_leaves_the_server_only_where_it_is_asked_for(report: Any, api: Api, word: str) -> None:
    name = f"secret-{word}"
    assert document(api, "secret", name)["data"]["value"] == "********"
    assert document(api, "secret", name, include_secrets=True)["data"]["value"] == "hunter2 and more"
    assert api.get(f"/block_documents/{report['secret']['id']}")["data"]["value"] == "********"


def test_a_block_that_refers_to_another_loads_with_it(report: Any) -> None:
    assert report["nested"]["https://a.example"] == ["ada", "p455w0rd", 3]


def test_a_block_that_holds_another_loads_with_it(report: Any) -> None:
    assert report["nested"]["https://b.example"] == ["bob", "s3cret", 3]


def test_a_reference_is_resolved_by_the_server_with_its_secrets_masked(report: Any, api: Api, word: str) -> None:
    service = document(api, "acceptanceservice", f"referring-{word}")
    credentials = document(api, "acceptancecredentials", f"credentials-{word}")
    assert service["data"]["credentials"] == {"user": "ada", "password": "********"}
    referred = service["block_document_references"]["credentials"]["block_document"]
    assert (referred["id"], referred["name"]) == (credentials["id"], f"credentials-{word}")


def test_a_task_uses_a_block_that_its_flow_loaded(report: Any) -> None:
    assert report["used"] == "ada@https://a.example"


def test_a_deleted_block_cannot_be_loaded(report: Any, api: Api, word: str) -> None:
    assert report["deleted"] == f"Unable to find block document named doomed-{word} for block type string"
    assert api.status(f"/block_types/slug/string/block_documents/name/doomed-{word}") == 404


def test_a_block_schema_is_kept_under_its_checksum(report: Any, api: Api, word: str) -> None:
    schema = document(api, "acceptanceservice", f"referring-{word}")["block_schema"]
    found = api.get(f"/block_schemas/checksum/{schema['checksum']}")
    assert found["id"] == schema["id"]
    assert set(found["fields"]["properties"]) == {"url", "credentials", "retries"}
    assert found["fields"]["block_schema_references"]["credentials"]["block_type_slug"] == "acceptancecredentials"
