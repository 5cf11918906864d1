"""Persisted results: the server keeps a reference, and another process reads the value by it."""

from pathlib import Path
from typing import Any

import pytest

from .api import Api
from .client import Client

VALUES = {
    "default_storage": {"kept": ["by", "default"]},
    "own_key": {"kept": "as json"},
    "own_storage": list(range(100)),
    "none": None,
    "unpersisted": "gone",
}


@pytest.fixture(scope="module")
def folder(client: Client, word: str) -> Path:
    """Where the storage block of the suite keeps results."""
    folder = client.home / f"results-{word}"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def written(client: Client, word: str, folder: Path) -> Any:
    """What `flows/results.py` saw as it stored its results."""
    return client.script("results", "write", word, str(folder))


@pytest.fixture(scope="module")
def read(client: Client, word: str, folder: Path, written: Any) -> Any:
    """What another process read."""
    return client.script("results", "read", word, str(folder), written["id"])


def test_the_writing_process_sees_every_value(written: Any) -> None:
    assert written["result"] == VALUES


def test_another_process_reads_the_flow_s_result(read: Any) -> None:
    assert read["flow"] == VALUES


@pytest.mark.parametrize("name", ["default_storage", "own_key", "own_storage", "none"])
def test_another_process_reads_a_task_s_persisted_result(read: Any, name: str) -> None:
    assert read[f"{name}-0"] == VALUES[name]


def test_an_unpersisted_result_is_lost_to_other_processes(read: Any) -> None:
    assert read["unpersisted-0"] == "MissingResult"


def test_a_state_holds_the_reference_with_its_block_and_key(written: Any, api: Api, word: str) -> None:
    data = api.task_run(written["id"], "own_key")["state"]["data"]
    assert (data["type"], data["serializer_type"]) == ("reference", "json")
    assert data["storage_key"].endswith(f"own-key-{word}.json")
    block = api.get(f"/block_documents/{data['storage_block_id']}")
    assert block["block_type"]["slug"] == "local-file-system"


def test_a_result_lies_where_its_storage_block_says(written: Any, api: Api, word: str, folder: Path) -> None:
    data = api.task_run(written["id"], "own_storage")["state"]["data"]
    block = api.get(f"/block_documents/{data['storage_block_id']}")
    assert (block["name"], block["data"]["basepath"]) == (f"results-{word}", str(folder))
    assert (folder / data["storage_key"]).is_file()


def test_an_unpersisted_result_leaves_no_data_on_the_server(written: Any, api: Api) -> None:
    assert api.task_run(written["id"], "unpersisted")["state"]["data"] is None


def test_every_persisted_result_is_an_artifact_of_its_run(written: Any, api: Api) -> None:
    run = api.task_run(written["id"], "own_key")
    (artifact,) = api.pages("/artifacts/filter", {"artifacts": {"task_run_id": {"any_": [run["id"]]}}})
    assert (artifact["type"], artifact["key"], artifact["flow_run_id"]) == ("result", None, written["id"])
