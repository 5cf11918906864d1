"""The command line of the 3.x client against the server: what each command prints, and what the server knows then."""

import json
from typing import Any

import pytest

from .api import Api
from .client import Client, wait_until
from .command_line import CommandLine, cells

NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def records(client_3: Client, word: str) -> Any:
    """Variables, blocks and artifacts to look at, and the flow run that made them."""
    return client_3.script("records_3x", word)


# The server


def test_version_knows_that_it_talks_to_a_server(client_3: Client) -> None:
    """By the executable itself."""
    lines = dict(line.split(":", 1) for line in client_3.prefect("version").expect().stdout.splitlines() if ":" in line)
    assert lines["Version"].strip() == "3.9.1"
    assert lines["Server type"].strip() == "server"


def test_server_status_tells_that_it_is_there(prefect_3: CommandLine, server_url: str) -> None:
    said = prefect_3("server", "status")
    assert "Server is available." in said
    assert f"API URL: {server_url}" in said
    assert "Server version: 3.9.1" in said


def test_api_asks_whatever_one_wants(prefect_3: CommandLine) -> None:
    assert json.loads(prefect_3("api", "GET", "/health")) is True
    assert json.loads(prefect_3("api", "GET", "/admin/version")) == "3.9.1"


# Flows and their runs


def test_flow_ls_lists_flows(prefect_3: CommandLine, records: Any, word: str) -> None:
    assert f"records-3x-{word}" in [row[1] for row in cells(prefect_3("flow", "ls", "--limit", "100"))]


def test_flow_run_ls_filters_by_flow_and_by_state(prefect_3: CommandLine, records: Any, word: str) -> None:
    of_flow = ("flow-run", "ls", "--flow-name", f"records-3x-{word}")
    ((run_id, flow, _, state, _),) = cells(prefect_3(*of_flow, "--state-type", "COMPLETED"))
    assert (run_id, flow, state) == (records["flow_run_id"], f"records-3x-{word}", "COMPLETED")
    assert "No flow runs found." in prefect_3(*of_flow, "--state", "Failed")


def test_flow_run_inspect_prints_the_run_with_its_labels(prefect_3: CommandLine, records: Any, api: Api) -> None:
    """Also as JSON."""
    run = api.flow_run(records["flow_run_id"])
    assert f"id='{run['id']}'" in prefect_3("flow-run", "inspect", run["id"])
    shown = json.loads(prefect_3("flow-run", "inspect", run["id"], "--output", "json"))
    assert (shown["id"], shown["labels"]) == (run["id"], run["labels"])
    assert shown["labels"]["prefect.flow.id"] == run["flow_id"]


def test_flow_run_logs_prints_every_line_in_order(prefect_3: CommandLine, records: Any, api: Api) -> None:
    flow_run_id = records["flow_run_id"]
    logs = [log["message"] for log in api.logs(flow_run_id)]
    assert logs
    printed = [line.split(" - ", 1)[1] for line in prefect_3("flow-run", "logs", flow_run_id).splitlines() if line]
    assert printed == logs


def test_flow_run_delete_takes_the_run(prefect_3: CommandLine, client_3: Client, api: Api, word: str) -> None:
    flow_run_id = client_3.script("records_3x", f"{word}-doomed")["flow_run_id"]
    assert "Successfully deleted flow run" in prefect_3("flow-run", "delete", flow_run_id)
    assert api.status(f"/flow_runs/{flow_run_id}") == 404
    assert "not found" in prefect_3("flow-run", "delete", flow_run_id, exit_code=1)


def test_flow_run_cancel_and_retry_say_why_they_can_not(prefect_3: CommandLine, records: Any) -> None:
    said = prefect_3("flow-run", "cancel", records["flow_run_id"], exit_code=1)
    assert "Run is already in terminal state COMPLETED." in " ".join(said.split())
    assert "not found" in prefect_3("flow-run", "cancel", NOWHERE, exit_code=1)


def test_task_run_ls_and_inspect_show_task_runs(prefect_3: CommandLine, records: Any, api: Api) -> None:
    runs = wait_until(lambda: [x for x in api.task_runs(records["flow_run_id"]) if x["state_type"] == "COMPLETED"], "")
    listed = [row[0] for row in cells(prefect_3("task-run", "ls", "--limit", "200"))]
    assert runs[0]["id"] in listed
    assert f"id='{runs[0]['id']}'" in prefect_3("task-run", "inspect", runs[0]["id"])


# Variables


def test_variable_commands_keep_json(prefect_3: CommandLine, api: Api, word: str) -> None:
    name = f"typed_{word}"
    prefect_3("variable", "set", name, '{"a": [1, null]}', "--tag", "t")
    variable = api.get(f"/variables/name/{name}")
    assert (variable["value"], variable["tags"]) == ({"a": [1, None]}, ["t"])
    assert json.loads(prefect_3("variable", "get", name)) == {"a": [1, None]}
    assert "already exists" in prefect_3("variable", "set", name, "2", exit_code=1)
    prefect_3("variable", "set", name, "text", "--overwrite")
    assert json.loads(prefect_3("variable", "get", name)) == "text"
    assert "value='text'" in prefect_3("variable", "inspect", name)
    assert name in [row[0] for row in cells(prefect_3("variable", "ls", "--limit", "200"))]
    assert "Unset variable" in prefect_3("variable", "unset", name)
    assert f"Variable '{name}' not found." in prefect_3("variable", "get", name, exit_code=1)


# Blocks and artifacts


def test_block_ls_and_inspect_hide_secrets(prefect_3: CommandLine, records: Any, word: str) -> None:
    slug = f"secret/secret-{word}"
    assert slug in [row[3] for row in cells(prefect_3("block", "ls"))]
    said = prefect_3("block", "inspect", slug)
    assert "********" in said
    assert "['a', 1]" not in said
    assert "account-3x" in {row[0] for row in cells(prefect_3("block", "type", "ls"))}


def test_artifact_ls_and_inspect_show_artifacts(prefect_3: CommandLine, records: Any, word: str) -> None:
    made, key = records["made"], f"report-{word}"
    assert [made["report"], key, "markdown"] in [
        row[:3] for row in cells(prefect_3("artifact", "ls", "--limit", "200"))
    ]
    said = prefect_3("artifact", "inspect", key)
    assert said.index(made["report"]) < said.index(made["first"])
    assert "Deleted 2 artifact(s)" in prefect_3("artifact", "delete", key, typed="y\n")


# Limits and deployments


def test_limit_commands_keep_limits(prefect_3: CommandLine, api: Api, word: str) -> None:
    prefect_3("concurrency-limit", "create", f"tag-{word}", "3")
    assert api.get(f"/concurrency_limits/tag/tag-{word}")["concurrency_limit"] == 3
    prefect_3("concurrency-limit", "delete", f"tag-{word}")
    prefect_3("global-concurrency-limit", "create", f"global-{word}", "--limit", "2")
    prefect_3("global-concurrency-limit", "update", f"global-{word}", "--limit", "5")
    assert api.get(f"/v2/concurrency_limits/global-{word}")["limit"] == 5
    assert f"global-{word}" in prefect_3("global-concurrency-limit", "ls")


def test_result_storage_of_the_server_is_chosen(prefect_3: CommandLine, client_3: Client, api: Api, word: str) -> None:
    """A block that can keep results, until none is chosen."""
    slug = client_3.script("storage_3x", word)["slug"]
    prefect_3("experimental", "result-storage", "set", slug)
    chosen = api.get("/admin/storage")["default_result_storage_block_id"]
    assert api.get(f"/block_documents/{chosen}")["name"] == f"storage-{word}"
    prefect_3("experimental", "result-storage", "clear")
    assert api.get("/admin/storage") == {"default_result_storage_block_id": None}
