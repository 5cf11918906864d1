"""Variables, blocks and artifacts of the 3.x line: made by its client, read back by both lines and over HTTP."""

import json
from typing import Any

import httpx
import pytest

from .api import Api
from .client import Client

AGENT_2X = {"User-Agent": "prefect/2.20.25 (API 0.8.4)"}


@pytest.fixture(scope="module")
def report(client_3: Client, word: str) -> Any:
    """What `flows/records_3x.py` saw."""
    return client_3.script("records_3x", word)


@pytest.fixture(scope="module")
def api_2x(server_url: str) -> Any:
    """The server as it shows itself to a client of the 2.x line."""
    with httpx.Client(base_url=server_url, headers=AGENT_2X, timeout=30.0) as client:
        yield client


def test_a_variable_has_a_value_of_any_kind(report: Any) -> None:
    assert report["variables"]["read"] == {
        "text": "one",
        "number": 2.5,
        "flag": True,
        "nothing": None,
        "object": {"a": [1, None]},
        "list": [1, "b"],
    }


def test_a_variable_is_overwritten_only_on_request(report: Any, word: str) -> None:
    assert f"Variable 'text-{word}' already exists" in report["variables"]["refused"]
    assert report["variables"]["overwritten"] == {"three": 3}


def test_a_variable_that_is_unset_is_gone(report: Any, api: Api, word: str) -> None:
    assert report["variables"]["unset"] == [True, False]
    assert report["variables"]["default"] == "fallback"
    assert api.status(f"/variables/name/flag-{word}") == 404


def test_the_other_line_sees_values_as_json(report: Any, api: Api, api_2x: httpx.Client, word: str) -> None:
    """As texts, which are all it knows."""
    for kind, shown in (("object", '{"a":[1,null]}'), ("number", "2.5"), ("nothing", "null")):
        seen = api_2x.get(f"/variables/name/{kind}-{word}").json()
        assert seen == api.get(f"/variables/name/{kind}-{word}") | {"value": shown}


def test_a_secret_may_be_any_json(report: Any, api: Api, word: str) -> None:
    """It is shown without its values unless it is asked for with them."""
    assert report["blocks"]["secret"] == {"token": ["a", 1]}
    path = f"/block_types/slug/secret/block_documents/name/secret-{word}"
    assert api.get(path)["data"] == {"value": {"token": "********"}}
    assert api.get(path, include_secrets=True)["data"] == {"value": {"token": ["a", 1]}}


def test_blocks_of_one_s_own_load_as_they_were_saved(report: Any) -> None:
    """Also one within another, which was overwritten before."""
    assert report["blocks"]["refused"].startswith("ValueError: You are attempting to save values with a name")
    assert report["blocks"]["service"] == ["https://a.example", "bob", "s3cret"]
    assert report["blocks"]["by_slug"] == "bob"


def test_a_deleted_block_can_not_be_loaded(report: Any, word: str) -> None:
    assert f"Unable to find block document named doomed-{word}" in report["blocks"]["gone"]


def test_artifacts_of_each_kind_read_back(report: Any) -> None:
    """By their keys, the newest of each; progress as far as it has come."""
    read, made = report["artifacts"], report["made"]
    assert {kind: x["id"] for kind, x in read.items() if x} == {x: made[x] for x in made if x != "first"}
    assert read["report"] | {"id": ""} == {"id": "", "type": "markdown", "data": "# Report 2"}
    assert json.loads(read["table"]["data"]) == [{"city": "Oslo", "n": 1}, {"city": "Bonn", "n": None}]
    assert read["link"]["data"] == "[there](https://example.com/x?y=1)"
    assert (read["progress"]["type"], read["progress"]["data"]) == ("progress", 75.5)
    assert (read["missing"], report["again"]) == (None, [made["link"], False])


def test_artifacts_belong_to_their_runs(report: Any, api: Api) -> None:
    """To the task run too where a task made them. The graph of the flow run shows how far a progress is."""
    of_task = api.get(f"/artifacts/{report['made']['report']}")
    assert of_task["flow_run_id"] == report["flow_run_id"]
    assert of_task["task_run_id"] is not None
    graph = api.get(f"/flow_runs/{report['flow_run_id']}/graph-v2")
    assert {x["type"]: x["data"] for x in graph["artifacts"]} == {"table": None, "markdown": None, "progress": 75.5}
