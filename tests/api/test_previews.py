"""What set_state would do, told over HTTP without doing it."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.records import (
    NOWHERE,
    held_slots,
    made,
    new_deployment,
    new_flow_run,
    new_task_run,
    set_state,
    unique,
)

TYPES = ("SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED", "PAUSED", "CANCELLING")
LONG_AFTER = "2030-01-01T12:00:00Z"


def preview(api: httpx.Client, path: str, state_type: str, *, force: bool = False, **fields: Any) -> Any:
    """What would become of the run at the path."""
    answer = api.post(f"{path}/set_state/preview", json={"state": {"type": state_type, **fields}, "force": force})
    assert answer.status_code == 200, answer.text
    return answer.json()


def of_kind(previewed: Any, kind: str) -> list[Any]:
    return [x for x in previewed["effects"] if x["kind"] == kind]


@pytest.fixture
def running(api: httpx.Client) -> str:
    """The id of a flow run that runs."""
    return str(new_flow_run(api, state={"type": "RUNNING"})["id"])


@pytest.fixture
def limited_tag(api: httpx.Client) -> str:
    """A tag of which one task run may run."""
    tag = unique("tag")
    made(api, "/concurrency_limits/", {"tag": tag, "concurrency_limit": 1})
    return tag


def test_it_tells_the_state_the_slot_and_what_changes_of_the_run(
    api: httpx.Client, running: str, limited_tag: str
) -> None:
    run = new_task_run(api, running, tags=[limited_tag])
    told = preview(api, f"/task_runs/{run['id']}", "RUNNING")
    assert (told["status"], told["would_write"], told["decided_by"]) == ("ACCEPT", True, None)
    assert (told["state"]["id"], told["state"]["type"], told["state"]["name"]) == (None, "RUNNING", "Running")
    assert [(x["kind"], x["run_id"], x["name"]) for x in told["effects"]] == [
        ("slot_taken", run["id"], f"tag:{limited_tag}")
    ]
    changes = {x["field"]: (x["before"], x["after"]) for x in told["changes"]}
    assert changes["run_count"] == (0, 1)
    assert changes["start_time"][0] is None
    assert [x["name"] for x in told["adjusted_by"]] == [
        "secure_task_concurrency_slots",
        "update_flow_run_tracker_on_tasks",
    ]


def test_it_tells_which_rule_makes_it_wait_and_why(api: httpx.Client, running: str, limited_tag: str) -> None:
    holder, waiting = (new_task_run(api, running, tags=[limited_tag]) for _ in range(2))
    set_state(api, f"/task_runs/{holder['id']}", "RUNNING")
    told = preview(api, f"/task_runs/{waiting['id']}", "RUNNING")
    assert (told["status"], told["would_write"]) == ("WAIT", False)
    assert told["details"]["reason"] == f"Concurrency limit for the {limited_tag} tag has been reached"
    assert told["decided_by"]["name"] == "secure_task_concurrency_slots"
    assert told["decided_by"]["description"].startswith("A run starts only with a slot of every limit on its tags")
    assert (told["changes"], told["effects"], told["adjusted_by"]) == ([], [], [])
    assert told["state"]["id"] == waiting["state_id"]


def test_a_run_that_ends_gives_its_slot_back_and_its_state_is_cached(
    api: httpx.Client, running: str, limited_tag: str
) -> None:
    run = new_task_run(api, running, tags=[limited_tag])
    set_state(api, f"/task_runs/{run['id']}", "RUNNING")
    details = {"cache_key": unique("cache"), "cache_expiration": LONG_AFTER}
    told = preview(api, f"/task_runs/{run['id']}", "COMPLETED", state_details=details, data={"type": "literal"})
    assert [(x["name"], x["run_id"]) for x in of_kind(told, "slot_freed")] == [(f"tag:{limited_tag}", run["id"])]
    (cached,) = of_kind(told, "cache_key_remembered")
    assert (cached["name"], cached["until"]) == (details["cache_key"], "2030-01-01T12:00:00+00:00")
    assert len(of_kind(told, "result_kept")) == 1
    assert held_slots(api, limited_tag) == [run["id"]]


def test_a_failure_with_retries_left_would_be_retried(api: httpx.Client, running: str) -> None:
    run = new_task_run(api, running, empirical_policy={"retries": 1, "retry_delay": 60})
    set_state(api, f"/task_runs/{run['id']}", "RUNNING")
    told = preview(api, f"/task_runs/{run['id']}", "FAILED")
    assert (told["status"], told["state"]["name"], told["would_write"]) == ("REJECT", "AwaitingRetry", True)
    assert told["decided_by"]["name"] == "retry_failed_tasks"
    forced = preview(api, f"/task_runs/{run['id']}", "FAILED", force=True)
    assert (forced["status"], forced["state"]["name"], forced["decided_by"]) == ("ACCEPT", "Failed", None)


def test_the_task_run_of_a_subflow_would_move_with_it(api: httpx.Client, running: str) -> None:
    parent = new_task_run(api, running, state={"type": "RUNNING"})
    subflow = new_flow_run(api, parent_task_run_id=parent["id"], state={"type": "RUNNING"})
    told = preview(api, f"/flow_runs/{subflow['id']}", "COMPLETED")
    (moved,) = of_kind(told, "task_run_moved")
    assert (moved["run_id"], moved["state"]["type"], moved["state"]["id"]) == (parent["id"], "COMPLETED", None)
    assert api.get(f"/task_runs/{parent['id']}").json()["state_type"] == "RUNNING"


def test_a_background_run_would_be_queued_and_taken_out_of_the_queue(api: httpx.Client) -> None:
    run = new_task_run(api, None, state={"type": "PENDING"})
    (queued,) = of_kind(preview(api, f"/task_runs/{run['id']}", "SCHEDULED"), "queued")
    assert (queued["run_id"], queued["name"], queued["until"] is None) == (run["id"], run["task_key"], False)
    set_state(api, f"/task_runs/{run['id']}", "SCHEDULED")
    assert len(of_kind(preview(api, f"/task_runs/{run['id']}", "CANCELLED"), "dequeued")) == 1


def test_a_deployed_run_would_take_a_lease_keep_it_and_give_it_back(api: httpx.Client) -> None:
    pool = made(api, "/work_pools/", {"name": unique("pool"), "type": "process"})
    deployment = new_deployment(api, concurrency_limit=1, work_pool_name=pool["name"])
    run, other = (made(api, f"/deployments/{deployment['id']}/create_flow_run", {}) for _ in range(2))
    path, limit = f"/flow_runs/{run['id']}", f"deployment:{deployment['id']}"
    taking = preview(api, path, "PENDING")
    assert [x["name"] for x in of_kind(taking, "slot_taken")] == [limit]
    assert [x["name"] for x in of_kind(taking, "work_slot_taken")] == [run["work_queue_id"]]
    set_state(api, path, "PENDING")
    full = preview(api, f"/flow_runs/{other['id']}", "PENDING")
    assert (full["status"], full["state"]["name"]) == ("REJECT", "AwaitingConcurrencySlot")
    assert full["decided_by"]["name"] == "secure_flow_concurrency_slots"
    (kept,) = of_kind(preview(api, path, "RUNNING"), "slot_kept")
    assert (kept["name"], kept["until"]) == (limit, None)
    set_state(api, path, "RUNNING")
    ending = preview(api, path, "COMPLETED")
    assert [x["name"] for x in of_kind(ending, "slot_freed")] == [limit]
    assert [x["name"] for x in of_kind(ending, "work_slot_freed")] == [run["work_queue_id"]]


def test_what_is_full_of_a_work_queue_is_told(api: httpx.Client) -> None:
    pool = made(api, "/work_pools/", {"name": unique("pool"), "type": "process", "concurrency_limit": 0})
    deployment = new_deployment(api, work_pool_name=pool["name"])
    run = made(api, f"/deployments/{deployment['id']}/create_flow_run", {})
    told = preview(api, f"/flow_runs/{run['id']}", "PENDING")
    assert (told["status"], told["would_write"]) == ("REJECT", False)
    assert told["decided_by"]["name"] == "secure_work_slot"
    assert pool["name"] in told["details"]["reason"]


def test_a_request_that_came_before_is_told_to_be_one(api: httpx.Client, running: str) -> None:
    details = {"transition_id": "00000000-0000-4000-8000-0000000000cc"}
    run = new_task_run(api, running)
    set_state(api, f"/task_runs/{run['id']}", "RUNNING", state_details=details)
    told = preview(api, f"/task_runs/{run['id']}", "COMPLETED", state_details=details)
    assert (told["status"], told["decided_by"]["name"]) == ("REJECT", "repeats")


@pytest.mark.parametrize("noun", ["task_runs", "flow_runs"])
def test_of_what_is_not_there_or_no_state_nothing_is_told(api: httpx.Client, noun: str) -> None:
    """As set_state has it, word for word."""
    for run_id, body in ((NOWHERE, {"state": {"type": "RUNNING"}}), (NOWHERE, {"state": {"type": "GONE"}})):
        told, done = (api.post(f"/{noun}/{run_id}/set_state{x}", json=body) for x in ("/preview", ""))
        assert told.status_code == done.status_code >= 400
        assert told.json() == done.json()


@pytest.fixture(scope="module")
def tag(api: httpx.Client) -> str:
    name = unique("tag")
    made(api, "/concurrency_limits/", {"tag": name, "concurrency_limit": 1})
    return name


steps = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(TYPES),
        st.booleans(),
        st.sampled_from([None, None, "Late", "AwaitingRetry", "Suspended"]),
        st.sampled_from([{}, {}, {"cache_key": "shared"}, {"scheduled_time": LONG_AFTER}, {"pause_reschedule": True}]),
    ),
    max_size=12,
)


def runs_of(api: httpx.Client, tag: str) -> Iterator[str]:
    """The paths of a flow run, two of its task runs that share a limit, and a background run."""
    flow_run = new_flow_run(api, state={"type": "RUNNING"}, empirical_policy={"retries": 1})
    yield f"/flow_runs/{flow_run['id']}"
    for owner in (flow_run["id"], flow_run["id"], None):
        run = new_task_run(api, owner, tags=[tag], empirical_policy={"retries": 1, "retry_delay": 0})
        yield f"/task_runs/{run['id']}"


@given(steps)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_foretold_is_what_happens(api: httpx.Client, tag: str, given_steps: Any) -> None:
    """The verdict, its reason, the state and whether one is written, step after step; what is foretold of slots too."""
    paths = list(runs_of(api, tag))
    for number, kind, force, name, details in given_steps:
        path = paths[number]
        told = preview(api, path, kind, force=force, name=name, state_details=details)
        body = {"state": {"type": kind, "name": name, "state_details": details}, "force": force}
        answer = api.post(f"{path}/set_state", json=body)
        assert told["would_write"] is (answer.status_code == 201)
        done = answer.json()
        assert (told["status"], told["details"]) == (done["status"], done["details"])
        assert seen(told["state"]) == seen(done["state"])
        held = held_slots(api, tag)
        for kind_of, is_held in (("slot_taken", True), ("slot_freed", False)):
            assert all((x["run_id"] in held) is is_held for x in of_kind(told, kind_of))


def seen(state: Any) -> Any:
    """What a state says without its id, its time and what is drawn anew each time."""
    if state is None:
        return None
    details = {x: y for x, y in state["state_details"].items() if x not in ("pause_key", "scheduled_time")}
    return {x: state[x] for x in ("type", "name", "message", "data")} | {"state_details": details}
