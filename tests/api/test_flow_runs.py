"""Flow runs over HTTP: creation, changes, deletion."""

import re
from typing import Any

import httpx
import pytest

from tests.api.records import (
    NOWHERE,
    held_slots,
    made,
    new_deployment,
    new_flow,
    new_flow_run,
    new_task_run,
    set_state,
    unique,
)

CONFLICT = (
    "Data integrity conflict. This usually means a unique or foreign key constraint was violated. "
    "See server logs for details."
)
GENERATED = re.compile("[a-z]+-[a-z]+")
AUTOMATION = {"prefect-automation-id": NOWHERE, "prefect-automation-name": "bmlnaHRseQ=="}


def read(api: httpx.Client, run: Any) -> Any:
    return api.get(f"/flow_runs/{run['id']}").json()


def change(api: httpx.Client, run: Any, **fields: Any) -> httpx.Response:
    return api.patch(f"/flow_runs/{run['id']}", json=fields)


class TestCreation:
    def test_a_run_starts_pending(self, api: httpx.Client) -> None:
        """Without a state it is PENDING, without a name it gets one."""
        run = new_flow_run(api)
        assert (run["state_type"], run["state_name"], run["run_count"]) == ("PENDING", "Pending", 0)
        assert run["state"]["state_details"]["flow_run_id"] == run["id"]
        assert GENERATED.fullmatch(run["name"])

    @pytest.mark.parametrize("name", ["", None])
    def test_an_empty_name_is_no_name(self, api: httpx.Client, name: str | None) -> None:
        """It is replaced by a generated one."""
        assert GENERATED.fullmatch(new_flow_run(api, name=name)["name"])

    def test_numbers_become_text(self, api: httpx.Client) -> None:
        """Where text is due, a number or flag is taken as its text."""
        run = new_flow_run(api, name=5, flow_version=7, idempotency_key=3, tags=[1, True])
        values = (run["name"], run["flow_version"], run["idempotency_key"], run["tags"])
        assert values == ("5", "7", "3", ["1", "True"])

    @pytest.mark.parametrize(("given", "kept"), [([], {}), ([["a", 1], ["b", None]], {"a": 1, "b": None})])
    def test_pairs_are_an_object(self, api: httpx.Client, given: Any, kept: dict[str, Any]) -> None:
        """Where an object is due, a list of its members is taken as one."""
        assert new_flow_run(api, parameters=given)["parameters"] == kept

    def test_retries_may_be_given_by_their_older_names(self, api: httpx.Client) -> None:
        """`max_retries` and `retry_delay_seconds` fill in for the newer names; unknown settings are dropped."""
        policy = {"max_retries": 2, "retry_delay_seconds": 1.5, "unknown": 1}
        kept = new_flow_run(api, empirical_policy=policy)["empirical_policy"]
        assert (kept["retries"], kept["retry_delay"]) == (2, 1)
        assert "unknown" not in kept

    def test_a_first_state_may_hold_data(self, api: httpx.Client) -> None:
        """It is kept, as the data of any state."""
        run = new_flow_run(api, state={"type": "COMPLETED", "data": {"type": "reference", "key": "k"}})
        assert run["state"]["data"] == {"type": "reference", "key": "k"}
        assert read(api, run)["state"] == run["state"]

    def test_an_idempotency_key_makes_one_run_a_flow(self, api: httpx.Client) -> None:
        """A repeated creation answers 200 with the first run; another flow may use the same key."""
        body = {"flow_id": new_flow(api)["id"], "idempotency_key": "key", "name": "first"}
        first = api.post("/flow_runs/", json=body)
        again = api.post("/flow_runs/", json=body | {"name": "second", "state": {"type": "RUNNING"}})
        assert (first.status_code, again.status_code) == (201, 200)
        assert (again.json()["id"], again.json()["name"]) == (first.json()["id"], "first")
        assert new_flow_run(api, idempotency_key="key")["id"] != first.json()["id"]

    def test_an_empty_idempotency_key_is_a_conflict_when_repeated(self, api: httpx.Client) -> None:
        """It finds no run, but no two runs of a flow can have it."""
        body = {"flow_id": new_flow(api)["id"], "idempotency_key": ""}
        assert api.post("/flow_runs/", json=body).status_code == 201
        answer = api.post("/flow_runs/", json=body)
        assert (answer.status_code, answer.json()) == (409, {"detail": CONFLICT})

    @pytest.mark.parametrize("field", ["flow_id", "parent_task_run_id", "infrastructure_document_id"])
    def test_a_reference_to_nothing_is_a_conflict(self, api: httpx.Client, field: str) -> None:
        """The flow, the parent task run and the block document must exist."""
        answer = api.post("/flow_runs/", json={"flow_id": new_flow(api)["id"], field: NOWHERE})
        assert (answer.status_code, answer.json()) == (409, {"detail": CONFLICT})

    def test_the_deployment_need_not_exist(self, api: httpx.Client) -> None:
        """Runs outlive their deployment, so they may name one that is gone."""
        assert new_flow_run(api, deployment_id=NOWHERE)["deployment_id"] == NOWHERE

    @pytest.mark.parametrize(
        "fields",
        [{"unknown": 1}, {"parameters": None}, {"tags": None}, {"empirical_policy": None}, {"flow_id": "nonsense"}],
    )
    def test_a_malformed_body_is_422(self, api: httpx.Client, fields: dict[str, Any]) -> None:
        """Unknown fields, nulls where there must be a value, and ids that are none."""
        answer = api.post("/flow_runs/", json={"flow_id": new_flow(api)["id"], **fields})
        assert answer.status_code == 422
        assert answer.json()["exception_detail"][0]["loc"] == ["body", next(iter(fields))]

    def test_an_automation_is_named_as_the_creator(self, api: httpx.Client) -> None:
        """Its id and its name, which comes in base 64, are taken from the headers."""
        answer = api.post("/flow_runs/", json={"flow_id": new_flow(api)["id"]}, headers=AUTOMATION)
        creator = {"id": NOWHERE, "type": "AUTOMATION", "display_value": "nightly"}
        assert read(api, answer.json())["created_by"] == creator

    @pytest.mark.parametrize("name", [None, "", "!", "/w=="])
    def test_an_automation_without_a_readable_name_is_no_creator(self, api: httpx.Client, name: str | None) -> None:
        """The name may be absent, empty, no base 64, or no text."""
        headers = {"prefect-automation-id": NOWHERE} | ({} if name is None else {"prefect-automation-name": name})
        answer = api.post("/flow_runs/", json={"flow_id": new_flow(api)["id"]}, headers=headers)
        assert (answer.status_code, answer.json()["created_by"]) == (201, None)

    def test_an_automation_id_must_be_one(self, api: httpx.Client) -> None:
        """Otherwise the request is not valid."""
        headers = AUTOMATION | {"prefect-automation-id": "nonsense"}
        answer = api.post("/flow_runs/", json={"flow_id": new_flow(api)["id"]}, headers=headers)
        assert answer.status_code == 422
        assert answer.json()["exception_detail"][0]["loc"] == ["header", "prefect-automation-id"]

    def test_a_subflow_moves_its_parent_task_run(self, api: httpx.Client) -> None:
        """The task run that stands for it takes the same state, which names the subflow's run."""
        task_run = new_task_run(api, new_flow_run(api)["id"])
        subflow = new_flow_run(api, parent_task_run_id=task_run["id"], state={"type": "RUNNING"})
        after = api.get(f"/task_runs/{task_run['id']}").json()
        assert after["state_type"] == "RUNNING"
        assert after["state_id"] != task_run["state_id"]
        assert after["state"]["state_details"]["child_flow_run_id"] == subflow["id"]


class TestUpdate:
    def test_every_field_changes(self, api: httpx.Client) -> None:
        """What is given is what is read afterwards."""
        run = new_flow_run(api)
        policy = {"retries": 2, "retry_delay": 3, "pause_keys": ["k"], "resuming": True, "retry_type": "reschedule"}
        fields = {"name": "n", "flow_version": "2", "parameters": {"a": [1]}, "tags": ["t"], "infrastructure_pid": "p"}
        assert change(api, run, **fields, empirical_policy=policy).status_code == 204
        after = read(api, run)
        assert {name: after[name] for name in fields} == fields
        assert after["empirical_policy"] == {"max_retries": 0, "retry_delay_seconds": 0.0} | policy

    def test_what_is_not_given_stays(self, api: httpx.Client) -> None:
        """Even an empty update is fine."""
        run = new_flow_run(api, name="n", tags=["t"], parameters={"a": 1}, empirical_policy={"retries": 1})
        assert change(api, run).status_code == 204
        assert change(api, run, flow_version="2").status_code == 204
        kept = ("name", "tags", "parameters", "empirical_policy", "state")
        after = read(api, run)
        assert {name: after[name] for name in kept} == {name: run[name] for name in kept}

    def test_null_empties_what_may_be_empty(self, api: httpx.Client) -> None:
        """Version, process id and job variables."""
        run = new_flow_run(api, flow_version="1")
        change(api, run, infrastructure_pid="p")
        assert change(api, run, flow_version=None, infrastructure_pid=None, job_variables=None).status_code == 204
        after = read(api, run)
        assert (after["flow_version"], after["infrastructure_pid"], after["job_variables"]) == (None, None, None)

    @pytest.mark.parametrize("name", ["", None])
    def test_an_empty_name_is_replaced(self, api: httpx.Client, name: str | None) -> None:
        """By a generated one."""
        run = new_flow_run(api, name="before")
        change(api, run, name=name)
        assert GENERATED.fullmatch(read(api, run)["name"])

    @pytest.mark.parametrize("field", ["parameters", "tags", "empirical_policy", "state", "flow_id"])
    def test_a_malformed_update_is_422(self, api: httpx.Client, field: str) -> None:
        """Null for what can't be empty, and what only the server changes."""
        assert change(api, new_flow_run(api), **{field: None}).status_code == 422

    @pytest.mark.parametrize("fields", [{}, {"name": "n"}, {"job_variables": {}}])
    def test_an_unknown_run_is_404(self, api: httpx.Client, fields: dict[str, Any]) -> None:
        """Whatever is to change."""
        answer = api.patch(f"/flow_runs/{NOWHERE}", json=fields)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Flow run not found"})

    @pytest.mark.parametrize("name", ["Scheduled", "Late"])
    def test_job_variables_change_while_a_run_waits(self, api: httpx.Client, name: str) -> None:
        """A run of a deployment that is scheduled, be it late or not."""
        deployment = new_deployment(api)
        state = {"type": "SCHEDULED", "name": name}
        run = new_flow_run(api, flow_id=deployment["flow_id"], deployment_id=deployment["id"], state=state)
        assert change(api, run, job_variables={"image": "x"}).status_code == 204
        assert read(api, run)["job_variables"] == {"image": "x"}

    @pytest.mark.parametrize("state_type", ["PENDING", "RUNNING", "COMPLETED"])
    def test_job_variables_are_fixed_once_a_run_is_under_way(self, api: httpx.Client, state_type: str) -> None:
        """Its process has been started with them."""
        run = new_flow_run(api, state={"type": state_type})
        answer = change(api, run, job_variables={})
        detail = f"Job variables for a flow run in state {state_type} cannot be updated"
        assert (answer.status_code, answer.json()) == (400, {"detail": detail})

    @pytest.mark.parametrize("deployment_id", [None, NOWHERE])
    def test_job_variables_need_a_deployment(self, api: httpx.Client, deployment_id: str | None) -> None:
        """A run without one, or of one that is gone, is not started from outside."""
        run = new_flow_run(api, deployment_id=deployment_id, state={"type": "SCHEDULED"})
        answer = change(api, run, job_variables={})
        detail = {"detail": "A deployment for the flow run could not be found"}
        assert (answer.status_code, answer.json()) == (400, detail)


class TestDeletion:
    def test_task_runs_go_and_their_slots_are_free(self, api: httpx.Client) -> None:
        """A limit is not held by runs that are gone."""
        tag = unique("tag")
        made(api, "/concurrency_limits/", {"tag": tag, "concurrency_limit": 1})
        run = new_flow_run(api, state={"type": "RUNNING"})
        task_run = new_task_run(api, run["id"], tags=[tag])
        set_state(api, f"/task_runs/{task_run['id']}", "RUNNING")
        assert held_slots(api, tag) == [task_run["id"]]
        assert api.delete(f"/flow_runs/{run['id']}").status_code == 204
        assert api.get(f"/flow_runs/{run['id']}").status_code == 404
        assert api.get(f"/task_runs/{task_run['id']}").status_code == 404
        assert held_slots(api, tag) == []

    def test_subflows_stay_without_a_parent(self, api: httpx.Client) -> None:
        """The task run that stood for the subflow is gone, the subflow's own run is not."""
        run = new_flow_run(api)
        subflow = new_flow_run(api, parent_task_run_id=new_task_run(api, run["id"])["id"])
        api.delete(f"/flow_runs/{run['id']}")
        after = read(api, subflow)
        assert (after["parent_task_run_id"], after["state_type"]) == (None, "PENDING")

    def test_logs_stay(self, api: httpx.Client) -> None:
        """What a run said can be read after it is gone."""
        run = new_flow_run(api)
        line = {"name": "n", "level": 20, "message": "said", "timestamp": "2026-01-01T00:00:00Z"}
        api.post("/logs/", json=[line | {"flow_run_id": run["id"]}])
        api.delete(f"/flow_runs/{run['id']}")
        found = api.post("/logs/filter", json={"logs": {"flow_run_id": {"any_": [run["id"]]}}}).json()
        assert [x["message"] for x in found] == ["said"]

    def test_other_runs_stay(self, api: httpx.Client) -> None:
        """Of the same flow, with their task runs."""
        run = new_flow_run(api)
        other = new_flow_run(api, flow_id=run["flow_id"])
        task_run = new_task_run(api, other["id"])
        api.delete(f"/flow_runs/{run['id']}")
        assert api.get(f"/task_runs/{task_run['id']}").json()["flow_run_id"] == other["id"]

    def test_a_deleted_run_is_unknown(self, api: httpx.Client) -> None:
        """To a second deletion, and to whoever wants to move it on."""
        path = f"/flow_runs/{new_flow_run(api)['id']}"
        api.delete(path)
        assert api.delete(path).json() == {"detail": "Flow run not found"}
        assert api.post(f"{path}/set_state", json={"state": {"type": "RUNNING"}}).status_code == 404


def labels_of(api: httpx.Client, run: Any) -> Any:
    return api.get(f"/flow_runs/{run['id']}").json()["labels"]


def test_a_flow_run_has_the_labels_of_its_flow_and_its_own(api: httpx.Client) -> None:
    """Its own go before them, also before the one that every run has."""
    flow = new_flow(api, labels={"team": "a", "size": 1})
    plain = {"team": "a", "size": 1, "prefect.flow.id": flow["id"]}
    run = new_flow_run(api, flow_id=flow["id"])
    assert run["labels"] == labels_of(api, run) == plain
    own = {"size": 2.5, "new": True, "prefect.flow.id": "mine"}
    assert new_flow_run(api, flow_id=flow["id"], labels=own)["labels"] == plain | own


def test_a_run_of_a_deployment_has_its_labels_too(api: httpx.Client) -> None:
    flow = new_flow(api, labels={"team": "a"})
    deployment = new_deployment(api, flow_id=flow["id"], labels={"size": 1})
    assert deployment["labels"] == {"team": "a", "prefect.flow.id": flow["id"], "size": 1}
    run = made(api, f"/deployments/{deployment['id']}/create_flow_run", {"labels": {"mine": "x"}})
    assert run["labels"] == deployment["labels"] | {"prefect.deployment.id": deployment["id"], "mine": "x"}


def test_labels_are_added_to_those_there_are(api: httpx.Client) -> None:
    """In place of those of the same name; none is taken away."""
    run = new_flow_run(api, labels={"a": 1, "b": "x"})
    path = f"/flow_runs/{run['id']}/labels"
    for labels in ({"b": "y", "c": True}, {}):
        assert api.patch(path, json=labels).status_code == 204
        assert labels_of(api, run) == run["labels"] | {"b": "y", "c": True}


@pytest.mark.parametrize("labels", [{"a": None}, {"a": [1]}, {"a": {"b": 1}}, [1], None])
def test_labels_are_texts_numbers_or_flags(api: httpx.Client, labels: Any) -> None:
    """Wherever they are given."""
    run = new_flow_run(api)
    assert api.patch(f"/flow_runs/{run['id']}/labels", json=labels).status_code == 422
    if labels is not None:
        body = {"flow_id": run["flow_id"], "labels": labels}
        assert api.post("/flow_runs/", json=body).status_code == 422


def test_labels_of_no_flow_run_are_not_found(api: httpx.Client) -> None:
    answer = api.patch(f"/flow_runs/{NOWHERE}/labels", json={"a": 1})
    assert (answer.status_code, answer.json()) == (404, {"exception_message": f"Flow run with id {NOWHERE} not found"})


def test_a_run_may_name_its_queue_and_job_variables_from_the_start(api: httpx.Client) -> None:
    """But no pool that is not there."""
    run = new_flow_run(api, work_queue_name="queue", job_variables={"env": {"A": "1"}})
    assert (run["work_queue_name"], run["job_variables"]) == ("queue", {"env": {"A": "1"}})
    body = {"flow_id": run["flow_id"], "work_pool_name": "nowhere"}
    answer = api.post("/flow_runs/", json=body)
    assert (answer.status_code, answer.json()) == (404, {"detail": 'Work pool "nowhere" not found.'})


def test_states_keep_traces_and_leases(api: httpx.Client) -> None:
    """What a client proposes with a state comes back with it."""
    details = {"traceparent": "00-1-2-01", "deployment_concurrency_lease_id": NOWHERE}
    run = new_flow_run(api, state={"type": "RUNNING", "state_details": details})
    read = api.get(f"/flow_runs/{run['id']}").json()
    assert {name: read["state"]["state_details"][name] for name in details} == details
