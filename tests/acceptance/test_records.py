"""Artifacts and variables: made by flows, read back by the client and over HTTP."""

import json
from typing import Any

import pytest

from .api import Api
from .client import Client

REPORT = "# Report\n\nAll *well*."


@pytest.fixture(scope="module")
def report(client: Client, word: str) -> Any:
    """What `flows/records.py` saw."""
    return client.script("records", word)


@pytest.fixture(scope="module")
def artifacts(report: Any) -> Any:
    """Its artifacts."""
    return report["artifacts"]


def test_a_markdown_artifact_reads_back_as_it_was_made(artifacts: Any) -> None:
    assert artifacts["read"]["report"] == {
        "id": artifacts["made"]["report"],
        "type": "markdown",
        "data": REPORT,
        "description": "A report.",
    }


def test_a_table_artifact_keeps_its_rows(artifacts: Any) -> None:
    assert artifacts["read"]["table"]["type"] == "table"
    assert json.loads(artifacts["read"]["table"]["data"]) == [{"city": "Oslo", "n": 1}, {"city": "Bonn", "n": None}]


def test_a_link_artifact_is_a_markdown_link(artifacts: Any) -> None:
    assert artifacts["read"]["link"]["data"] == "[there](https://example.com/x?y=1)"


def test_an_artifact_belongs_to_the_run_that_made_it(artifacts: Any, api: Api) -> None:
    flow_run_id = artifacts["flow_run_id"]
    of_task = api.get(f"/artifacts/{artifacts['made']['report']}")
    assert of_task["flow_run_id"] == flow_run_id
    assert api.get(f"/task_runs/{of_task['task_run_id']}")["name"] == "describe-1"
    of_flow = api.get(f"/artifacts/{artifacts['made']['table']}")
    assert (of_flow["flow_run_id"], of_flow["task_run_id"]) == (flow_run_id, None)


def test_the_latest_artifact_of_a_key_is_the_last_one_made(artifacts: Any, api: Api, word: str) -> None:
    last = api.get(f"/artifacts/{artifacts['made']['report']}")
    assert api.get(f"/artifacts/report-{word}/latest")["task_run_id"] == last["task_run_id"]
    latest = api.pages("/artifacts/latest/filter", {"artifacts": {"key": {"any_": [f"report-{word}"]}}})
    assert [each["latest_id"] for each in latest] == [artifacts["made"]["report"]]


def test_every_version_of_a_key_stays_readable(artifacts: Any, api: Api, word: str) -> None:
    versions = api.pages("/artifacts/filter", {"artifacts": {"key": {"any_": [f"report-{word}"]}}})
    assert {each["id"] for each in versions} == {artifacts["made"]["first"], artifacts["made"]["report"]}


def test_an_artifact_without_a_key_is_found_by_its_flow_run(artifacts: Any, api: Api) -> None:
    found = api.pages("/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [artifacts["flow_run_id"]]}}})
    assert set(artifacts["made"].values()) == {each["id"] for each in found if each["type"] != "result"}


def test_get_or_create_takes_what_is_there(artifacts: Any) -> None:
    assert artifacts["missing"] is None
    assert artifacts["again"] == [artifacts["made"]["link"], False]


def test_a_variable_is_set_once_and_overwritten_only_on_request(report: Any, api: Api, word: str) -> None:
    seen = report["variables"]
    assert (seen["first"], seen["last"]) == ("one", ["three", ["b", "c"]])
    assert "a name that is already in use" in seen["refused"]
    variable = api.get(f"/variables/name/variable_{word}")
    assert (variable["value"], variable["tags"]) == ("three", ["b", "c"])


def test_a_missing_variable_falls_back_to_the_default(report: Any, api: Api, word: str) -> None:
    assert report["variables"]["default"] == "fallback"
    assert api.status(f"/variables/name/missing_{word}") == 404
