"""The client's command line against the server: what each command prints, and what the server knows afterwards."""

import json
from typing import Any

import pytest

from .api import Api
from .client import FLOWS, Client, Running
from .command_line import CommandLine, cells

NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def scripts(client: Client, word: str) -> dict[str, Running]:
    """The scripts that leave something to look at, all under way."""
    return {name: client.start_script(name, word) for name in ("basics", "records", "blocks", "deployed")}


@pytest.fixture(scope="module")
def flows(scripts: dict[str, Running]) -> Any:
    """Flow runs to look at."""
    return scripts["basics"].finish().expect().result


@pytest.fixture(scope="module")
def records(scripts: dict[str, Running]) -> Any:
    """Artifacts and variables to look at."""
    return scripts["records"].finish().expect().result


@pytest.fixture(scope="module")
def blocks(scripts: dict[str, Running]) -> Any:
    """Blocks to look at."""
    return scripts["blocks"].finish().expect().result


@pytest.fixture(scope="module")
def deployments(scripts: dict[str, Running]) -> Any:
    """Deployments to look at."""
    return scripts["deployed"].finish().expect().result


# The installation, by the executable itself


def test_version_knows_that_it_talks_to_a_server(client: Client) -> None:
    lines = dict(line.split(":", 1) for line in client.prefect("version").expect().stdout.splitlines() if ":" in line)
    assert lines["Version"].strip() == "2.20.25"
    assert lines["API version"].strip() == "0.8.4"
    assert lines["Server type"].strip() == "server"


def test_config_view_shows_the_server_s_url(client: Client, server_url: str) -> None:
    assert f"PREFECT_API_URL='{server_url}' (from env)" in client.prefect("config", "view").expect().stdout


# Flows, flow runs and task runs


def test_flow_ls_lists_flows_the_newest_first(prefect: CommandLine, flows: Any, word: str) -> None:
    expected = [f"{name}-{word}" for name in ("asynchronous", "failing", "dependencies", "plain")]
    assert [row[1] for row in cells(prefect("flow", "ls", "--limit", "100")) if row[1] in expected] == expected


def test_flow_run_ls_filters_by_flow_and_by_state(prefect: CommandLine, flows: Any, word: str) -> None:
    ((run_id, flow, name, state, _),) = cells(prefect("flow-run", "ls", "--flow-name", f"plain-{word}"))
    assert (run_id, flow, name) == (flows["plain"]["id"], f"plain-{word}", f"plain-3-{word}")
    assert state == "COMPLETED"
    failing = ("flow-run", "ls", "--flow-name", f"failing-{word}")
    assert len(cells(prefect(*failing, "--state-type", "FAILED"))) == 2
    assert len(cells(prefect(*failing, "--state", "Failed", "--limit", "1"))) == 1
    assert "No flow runs found." in prefect(*failing, "--state", "Completed")


def test_flow_run_inspect_prints_the_run(prefect: CommandLine, flows: Any, word: str) -> None:
    said = prefect("flow-run", "inspect", flows["plain"]["id"])
    assert f"id='{flows['plain']['id']}'" in said
    assert f"name='plain-3-{word}'" in said
    assert "parameters={'start': 3}" in said
    assert "type=StateType.COMPLETED" in said


def test_flow_run_logs_prints_every_line_in_order(prefect: CommandLine, flows: Any, api: Api) -> None:
    flow_run_id = flows["plain"]["id"]
    logs = [log["message"] for log in api.logs(flow_run_id)]
    assert messages(prefect("flow-run", "logs", flow_run_id)) == logs
    assert messages(prefect("flow-run", "logs", "--reverse", flow_run_id)) == logs[::-1]
    assert messages(prefect("flow-run", "logs", "--head", "--num-logs", "2", flow_run_id)) == logs[:2]
    assert messages(prefect("flow-run", "logs", "--tail", "--num-logs", "2", flow_run_id)) == logs[-2:]


def messages(output: str) -> list[str]:
    """The messages of printed log lines."""
    return [line.split(" - ", 1)[1] for line in output.splitlines() if " - " in line]


def test_flow_run_cancel_says_why_it_cannot(prefect: CommandLine, flows: Any) -> None:
    flow_run_id = flows["plain"]["id"]
    said = prefect("flow-run", "cancel", flow_run_id, exit_code=1)
    assert said.strip() == (
        f"Flow run '{flow_run_id}' was unable to be cancelled. Reason: 'Run is already in terminal state COMPLETED.'"
    )
    assert prefect("flow-run", "cancel", NOWHERE, exit_code=1).strip() == f"Flow run '{NOWHERE}' not found!"


def test_flow_run_delete_takes_the_run_and_its_task_runs(prefect: CommandLine, flows: Any, api: Api) -> None:
    flow_run_id = flows["asynchronous"]["id"]
    task_run_ids = [run["id"] for run in api.task_runs(flow_run_id)]
    assert f"Successfully deleted flow run '{flow_run_id}'." in prefect("flow-run", "delete", flow_run_id)
    assert api.status(f"/flow_runs/{flow_run_id}") == 404
    assert [api.status(f"/task_runs/{task_run_id}") for task_run_id in task_run_ids] == [404] * 3
    assert f"Flow run '{flow_run_id}' not found!" in prefect("flow-run", "delete", flow_run_id, exit_code=1)


def test_task_run_ls_filters_by_name_and_by_state(prefect: CommandLine, flows: Any, api: Api) -> None:
    run = api.task_run(flows["plain"]["id"], "add-3-to-2")
    listed = cells(prefect("task-run", "ls", "--task-run-name", "add-3-to-2", "--state-type", "COMPLETED"))
    assert [run["id"], "add-3-to-2", "add-3-to-2", "COMPLETED"] in [row[:4] for row in listed]
    assert cells(prefect("task-run", "ls", "--task-run-name", "add-3-to-2", "--state", "failed")) == []


def test_task_run_inspect_and_logs_print_the_run(prefect: CommandLine, flows: Any, api: Api) -> None:
    run = api.task_run(flows["plain"]["id"], "add-3-to-2")
    assert f"id='{run['id']}'" in prefect("task-run", "inspect", run["id"])
    assert messages(prefect("task-run", "logs", run["id"])) == ["adding 3 and 2", "Finished in state Completed()"]


# Limits


def test_concurrency_limit_commands_keep_a_limit(prefect: CommandLine, api: Api, word: str) -> None:
    tag = f"tag-{word}"
    prefect("concurrency-limit", "create", tag, "3")
    limit = api.get(f"/concurrency_limits/tag/{tag}")
    assert [tag, limit["id"], "3", "0"] in cells(prefect("concurrency-limit", "ls", "--limit", "100"))
    prefect("concurrency-limit", "create", tag, "5")
    again = api.get(f"/concurrency_limits/tag/{tag}")
    assert (again["id"], again["concurrency_limit"]) == (limit["id"], 5)
    assert limit["id"] in prefect("concurrency-limit", "inspect", tag)
    assert f"Reset concurrency limit set on the tag: {tag}" in prefect("concurrency-limit", "reset", tag)
    assert f"Deleted concurrency limit set on the tag: {tag}" in prefect("concurrency-limit", "delete", tag)
    for command in ("inspect", "reset", "delete"):
        said = prefect("concurrency-limit", command, tag, exit_code=1)
        assert said.strip() == f"No concurrency limit found for the tag: {tag}"


def test_global_concurrency_limit_commands_keep_a_limit(prefect: CommandLine, api: Api, word: str) -> None:
    name, command = f"global-{word}", "global-concurrency-limit"
    prefect(command, "create", name, "--limit", "3", "--slot-decay-per-second", "0.5")
    shown = json.loads(prefect(command, "inspect", name, "--output", "json"))
    assert (shown["limit"], shown["active"], shown["slot_decay_per_second"]) == (3, True, 0.5)
    prefect(command, "update", name, "--limit", "9", "--slot-decay-per-second", "0")
    prefect(command, "disable", name)
    limit = api.get(f"/v2/concurrency_limits/{name}")
    assert (limit["limit"], limit["active"], limit["slot_decay_per_second"]) == (9, False, 0.0)
    assert [limit["id"], name, "False", "9", "0", "0.0"] in [row[:6] for row in cells(prefect(command, "ls"))]
    prefect(command, "enable", name)
    assert api.get(f"/v2/concurrency_limits/{name}")["active"] is True
    prefect(command, "delete", name, typed="y\n")
    assert "not found" in prefect(command, "inspect", name, exit_code=1)


def test_a_global_limit_of_the_same_name_is_refused(prefect: CommandLine, word: str) -> None:
    name, command = f"twice-{word}", "global-concurrency-limit"
    prefect(command, "create", name, "--limit", "1")
    assert "already exists" in prefect(command, "create", name, "--limit", "2", exit_code=1)


# Variables and artifacts


def test_variable_commands_show_and_delete(prefect: CommandLine, records: Any, api: Api, word: str) -> None:
    name = f"variable_{word}"
    assert [name, "three"] in [row[:2] for row in cells(prefect("variable", "ls", "--limit", "200"))]
    said = prefect("variable", "inspect", name)
    assert "value='three'" in said
    assert "tags=['b', 'c']" in said
    assert f"Deleted variable '{name}'." in prefect("variable", "delete", name)
    assert api.status(f"/variables/name/{name}") == 404
    assert f"Variable '{name}' not found." in prefect("variable", "inspect", name, exit_code=1)
    assert f"Variable '{name}' not found." in prefect("variable", "delete", name, exit_code=1)


def test_artifact_ls_shows_the_latest_version_or_all(prefect: CommandLine, records: Any, word: str) -> None:
    made, key = records["artifacts"]["made"], f"report-{word}"
    latest = [row[:3] for row in cells(prefect("artifact", "ls", "--limit", "200"))]
    assert [made["report"], key, "markdown"] in latest
    assert made["first"] not in [row[0] for row in latest]
    every = [row[0] for row in cells(prefect("artifact", "ls", "--all", "--limit", "200"))]
    assert {made["first"], made["report"]} <= set(every)


def test_artifact_inspect_and_delete_work_by_key_and_by_id(
    prefect: CommandLine, records: Any, api: Api, word: str
) -> None:
    made, key = records["artifacts"]["made"], f"report-{word}"
    said = prefect("artifact", "inspect", key)
    assert said.index(made["report"]) < said.index(made["first"])
    assert "Deleted 2 artifact(s)" in prefect("artifact", "delete", key, typed="y\n")
    assert f"Artifact '{key}' not found." in prefect("artifact", "inspect", key, exit_code=1)
    prefect("artifact", "delete", "--id", made["table"], typed="y\n")
    assert api.status(f"/artifacts/{made['table']}") == 404
    assert api.status(f"/artifacts/table-{word}/latest") == 404


# Blocks


def test_block_ls_and_inspect_show_blocks_without_their_secrets(prefect: CommandLine, blocks: Any, word: str) -> None:
    slug = f"secret/secret-{word}"
    assert [blocks["secret"]["id"], "Secret", f"secret-{word}", slug] in cells(prefect("block", "ls"))
    said = prefect("block", "inspect", slug)
    assert blocks["secret"]["id"] in said
    assert "hunter2" not in said
    assert blocks["secret"]["id"] in prefect("block", "inspect", "--id", blocks["secret"]["id"])
    assert "Block 'string/nothing' not found!" in prefect("block", "inspect", "string/nothing", exit_code=1)


def test_block_delete_takes_a_block(prefect: CommandLine, blocks: Any, api: Api, word: str) -> None:
    slug = f"json/json-{word}"
    assert f"Deleted Block '{slug}'." in prefect("block", "delete", slug)
    assert api.status(f"/block_types/slug/json/block_documents/name/json-{word}") == 404


def test_block_register_makes_types_that_can_be_listed_and_deleted(prefect: CommandLine, api: Api) -> None:
    assert "Successfully registered 2 blocks" in prefect("block", "register", "--file", str(FLOWS / "registered.py"))
    slugs = {row[0] for row in cells(prefect("block", "type", "ls"))}
    assert {"registered-account", "registered-vault", "secret", "local-file-system"} <= slugs
    assert "Registered Vault" in prefect("block", "type", "inspect", "registered-vault")
    assert "registered-vault" in prefect("block", "create", "registered-vault")
    prefect("block", "type", "delete", "registered-vault")
    assert api.status("/block_types/slug/registered-vault") == 404
    assert "not found" in prefect("block", "type", "inspect", "registered-vault", exit_code=1)


def test_the_system_block_types_cannot_be_deleted(prefect: CommandLine, blocks: Any, api: Api, word: str) -> None:
    said = prefect("block", "type", "delete", "date-time", exit_code=1)
    assert said.strip() == "Block Type 'date-time' is a protected block!"
    assert api.status(f"/block_types/slug/date-time/block_documents/name/moment-{word}") == 200


def test_the_system_block_types_are_there_from_the_start(prefect: CommandLine) -> None:
    assert "Local File System" in prefect("block", "type", "inspect", "local-file-system")


# Deployments


def test_deployment_ls_and_inspect_show_a_deployment(prefect: CommandLine, deployments: Any, word: str) -> None:
    name, deployment_id = f"acceptance-suspending/suspending-{word}", deployments["first"]["suspending"]
    listed = cells(prefect("deployment", "ls", "--flow-name", "acceptance-suspending"))
    assert [name, deployment_id] in listed
    said = prefect("deployment", "inspect", name)
    assert f"'id': '{deployment_id}'" in said
    assert f"'tags': ['{word}']" in said
    assert "'entrypoint': 'deployed.py:suspending'" in said


def test_deployment_run_creates_a_scheduled_run(prefect: CommandLine, deployments: Any, api: Api, word: str) -> None:
    name = f"acceptance-suspending/suspending-{word}"
    said = prefect("deployment", "run", name, "--param", "greeting=moin", "--tag", f"by-hand-{word}")
    assert "Parameters: {'greeting': 'moin'}" in said
    (run,) = api.post("/flow_runs/filter", {"flow_runs": {"tags": {"all_": [f"by-hand-{word}"]}}})
    assert run["id"] in said
    assert (run["state_type"], run["parameters"]) == ("SCHEDULED", {"greeting": "moin"})
    refused = prefect("deployment", "run", name, "--param", "nonsense=1", exit_code=1)
    assert "not found on the deployment: 'nonsense'" in refused


def test_deployment_delete_takes_the_deployment_and_leaves_its_finished_runs(
    prefect: CommandLine, deployments: Any, api: Api, word: str
) -> None:
    name = f"acceptance-endless/endless-{word}"
    assert f"Deleted deployment '{name}'." in prefect("deployment", "delete", name)
    assert api.status(f"/deployments/{deployments['first']['endless']}") == 404
    assert f"Deployment '{name}' not found!" in prefect("deployment", "inspect", name, exit_code=1)
