"""Resuming paused flow runs over HTTP, with the input that they wait for."""

import json
from typing import Any

import httpx
import pytest

from tests.api.records import NOWHERE, made, new_deployment, new_flow_run, set_state, unique

KEYSET = {"schema": "paused-schema", "response": "paused-response"}
SCHEMA = {
    "type": "object",
    "properties": {"x": {"type": "integer"}, "y": {"type": "string", "default": "q"}},
    "required": ["x"],
}


def paused_run(api: httpx.Client, schema: Any = None, **details: Any) -> str:
    """The path of a flow run that is paused. With a schema, it waits for input that fits it."""
    deployment = new_deployment(api)
    run = new_flow_run(api, flow_id=deployment["flow_id"], deployment_id=deployment["id"])
    path = f"/flow_runs/{run['id']}"
    set_state(api, path, "RUNNING")
    details |= {"pause_timeout": "2099-01-01T00:00:00Z"} | ({} if schema is None else {"run_input_keyset": KEYSET})
    assert set_state(api, path, "PAUSED", state_details=details)["status"] == "ACCEPT"
    if schema is not None:
        text = schema if isinstance(schema, str) else json.dumps(schema)
        assert api.post(f"{path}/input", json={"key": KEYSET["schema"], "value": text}).status_code == 201
    return path


def resume(api: httpx.Client, path: str, **body: Any) -> httpx.Response:
    return api.post(f"{path}/resume", json=body)


def response(api: httpx.Client, path: str) -> httpx.Response:
    """The input as the flow reads it."""
    return api.get(f"{path}/input/{KEYSET['response']}")


def state_name(api: httpx.Client, path: str) -> str:
    name: str = api.get(path).json()["state_name"]
    return name


def test_a_run_whose_process_waits_goes_on(api: httpx.Client) -> None:
    """It is RUNNING at once."""
    path = paused_run(api)
    answer = resume(api, path)
    assert (answer.status_code, answer.json()["status"]) == (201, "ACCEPT")
    assert answer.json()["state"]["type"] == "RUNNING"
    assert state_name(api, path) == "Running"


def test_a_run_that_left_its_process_is_scheduled(api: httpx.Client) -> None:
    """For now, so that a new process takes it up."""
    path = paused_run(api, pause_reschedule=True)
    answer = resume(api, path)
    assert answer.status_code == 201
    assert answer.json()["state"]["state_details"]["scheduled_time"] is not None
    assert state_name(api, path) == "Resuming"


@pytest.mark.parametrize("body", [None, {}, {"run_input": None}])
def test_input_is_not_needed_where_none_is_asked_for(api: httpx.Client, body: Any) -> None:
    """The body may be absent or empty."""
    answer = (
        api.post(f"{paused_run(api)}/resume", json=body) if body is not None else api.post(f"{paused_run(api)}/resume")
    )
    assert answer.status_code == 201


def test_input_that_nobody_asked_for_is_dropped(api: httpx.Client) -> None:
    """The run goes on all the same."""
    path = paused_run(api)
    assert resume(api, path, run_input={"x": 1}).status_code == 201
    assert response(api, path).status_code == 404


def test_input_is_there_when_the_run_goes_on(api: httpx.Client) -> None:
    """As JSON, under the key that the pause names."""
    path = paused_run(api, SCHEMA)
    answer = resume(api, path, run_input={"x": 1})
    assert (answer.status_code, answer.json()["status"]) == (201, "ACCEPT")
    assert response(api, path).json() == {"x": 1}


@pytest.mark.parametrize(
    ("run_input", "reason"),
    [
        ({}, "Validation failed. Failure reason: 'x' is a required property"),
        (None, "Validation failed. Failure reason: 'x' is a required property"),
        ({"x": "one"}, "Validation failed for field 'x'. Failure reason: 'one' is not of type 'integer'"),
        ({"x": 1, "y": None}, "Validation failed for field 'y'. Failure reason: None is not of type 'string'"),
    ],
)
def test_input_that_does_not_fit_is_refused(api: httpx.Client, run_input: Any, reason: str) -> None:
    """The run stays paused, and can still be resumed."""
    path = paused_run(api, SCHEMA)
    answer = resume(api, path, run_input=run_input)
    details = {"type": "abort_details", "reason": f"Reason: {reason}"}
    assert (answer.status_code, answer.json()["status"], answer.json()["details"]) == (200, "REJECT", details)
    assert answer.json()["state"]["type"] == "PAUSED"
    assert response(api, path).status_code == 404
    assert resume(api, path, run_input={"x": 1}).status_code == 201


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ("{{", "Run input schema is not valid JSON."),
        ({"type": "nonsense"}, "Invalid schema: 'nonsense' is not valid under any of the given schemas"),
        (
            {"$ref": "#/definitions/A", "definitions": {"A": {"$ref": "#/definitions/A"}}},
            "Invalid schema: Unable to validate schema with circular references.",
        ),
    ],
)
def test_a_schema_that_is_none_keeps_the_run_paused(api: httpx.Client, schema: Any, reason: str) -> None:
    """With the reason in the answer."""
    answer = resume(api, paused_run(api, schema), run_input={"x": 1})
    assert (answer.status_code, answer.json()["details"]["reason"]) == (200, reason)


def test_a_schema_that_is_missing_keeps_the_run_paused(api: httpx.Client) -> None:
    """The pause names a key under which there is nothing."""
    answer = resume(api, paused_run(api, run_input_keyset=KEYSET), run_input={"x": 1})
    assert answer.json()["details"]["reason"] == "Run input schema not found."


def test_placeholders_in_the_input_are_put_into_effect(api: httpx.Client) -> None:
    """Before it is checked, and before the flow reads it."""
    path = paused_run(api, SCHEMA)
    name = unique("variable").replace("-", "_")
    made(api, "/variables/", {"name": name, "value": "hello"})
    run_input = {
        "x": {"__prefect_kind": "json", "value": "4"},
        "y": {"__prefect_kind": "workspace_variable", "variable_name": name},
    }
    assert resume(api, path, run_input=run_input).status_code == 201
    assert response(api, path).json() == {"x": 4, "y": "hello"}


def test_a_placeholder_without_effect_is_refused(api: httpx.Client) -> None:
    """The reason says what is wrong with it."""
    run_input = {"x": {"__prefect_kind": "workspace_variable", "variable_name": "no_such"}}
    answer = resume(api, paused_run(api, SCHEMA), run_input=run_input)
    reason = "Error hydrating run input: Variable 'no_such' not found in workspace."
    assert (answer.json()["status"], answer.json()["details"]["reason"]) == ("REJECT", reason)


def test_a_taken_key_is_a_conflict(api: httpx.Client) -> None:
    """An input that is there already is not overwritten, and the run stays paused."""
    path = paused_run(api, SCHEMA)
    api.post(f"{path}/input", json={"key": KEYSET["response"], "value": "taken"})
    assert resume(api, path, run_input={"x": 1}).status_code == 409
    assert (response(api, path).text, state_name(api, path)) == ("taken", "Paused")


def test_a_pause_that_ran_out_takes_no_input(api: httpx.Client) -> None:
    """The run fails instead, and the input is not kept."""
    path = paused_run(api, SCHEMA)
    over = {"run_input_keyset": KEYSET, "pause_timeout": "2000-01-01T00:00:00Z"}
    answer = api.post(f"{path}/set_state", json={"state": {"type": "PAUSED", "state_details": over}, "force": True})
    assert answer.status_code == 201
    answer = resume(api, path, run_input={"x": 1})
    assert (answer.status_code, answer.json()["status"], answer.json()["state"]["type"]) == (201, "REJECT", "FAILED")
    assert response(api, path).status_code == 404


@pytest.mark.parametrize("state_type", ["PENDING", "RUNNING", "COMPLETED"])
def test_only_a_paused_run_is_resumed(api: httpx.Client, state_type: str) -> None:
    """Any other is left as it is."""
    run = new_flow_run(api, state={"type": state_type})
    answer = resume(api, f"/flow_runs/{run['id']}")
    details = {"type": "abort_details", "reason": "Cannot resume a flow run that is not paused."}
    assert answer.json() == {"state": None, "status": "ABORT", "details": details}
    assert answer.status_code == 200


def test_an_unknown_run_is_404(api: httpx.Client) -> None:
    """There is nothing to resume."""
    answer = resume(api, f"/flow_runs/{NOWHERE}")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Flow run not found"})


@pytest.mark.parametrize("run_input", [[1], 3, "text"])
def test_input_is_an_object(api: httpx.Client, run_input: Any) -> None:
    """Anything else is 422."""
    assert resume(api, f"/flow_runs/{NOWHERE}", run_input=run_input).status_code == 422
