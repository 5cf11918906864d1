"""The states that runs were in, over HTTP."""

import httpx
import pytest

UNKNOWN = "00000000-0000-4000-8000-00000000dead"


@pytest.fixture(scope="module")
def flow_run(api: httpx.Client) -> str:
    flow = api.post("/flows/", json={"name": "states"}).json()
    return str(api.post("/flow_runs/", json={"flow_id": flow["id"], "state": {"type": "RUNNING"}}).json()["id"])


@pytest.fixture(scope="module")
def task_run(api: httpx.Client, flow_run: str) -> str:
    body = {"flow_run_id": flow_run, "task_key": "k", "dynamic_key": "0"}
    run = api.post("/task_runs/", json=body).json()
    for kind in ("RUNNING", "COMPLETED"):
        api.post(f"/task_runs/{run['id']}/set_state", json={"state": {"type": kind, "message": kind.lower()}})
    return str(run["id"])


def test_the_states_of_a_run_come_the_oldest_first(api: httpx.Client, task_run: str, flow_run: str) -> None:
    """All of them, each as the run showed it when it was in it."""
    states = api.get("/task_run_states/", params={"task_run_id": task_run}).json()
    assert [x["type"] for x in states] == ["PENDING", "RUNNING", "COMPLETED"]
    assert states[-1] == api.get(f"/task_runs/{task_run}").json()["state"]
    states = api.get("/flow_run_states/", params={"flow_run_id": flow_run}).json()
    assert [x["type"] for x in states] == ["RUNNING"]


def test_a_state_is_found_by_its_id(api: httpx.Client, task_run: str, flow_run: str) -> None:
    """The same as in the list."""
    for kind, run_id in (("task", task_run), ("flow", flow_run)):
        states = api.get(f"/{kind}_run_states/", params={f"{kind}_run_id": run_id}).json()
        assert api.get(f"/{kind}_run_states/{states[0]['id']}").json() == states[0]


def test_an_unknown_state_is_404_and_an_unknown_run_has_none(api: httpx.Client) -> None:
    """With the wire's text."""
    for kind in ("task", "flow"):
        answer = api.get(f"/{kind}_run_states/{UNKNOWN}")
        assert (answer.status_code, answer.json()) == (404, {"detail": "Flow run state not found"})
        assert api.get(f"/{kind}_run_states/", params={f"{kind}_run_id": UNKNOWN}).json() == []
        assert api.get(f"/{kind}_run_states/").status_code == 422
