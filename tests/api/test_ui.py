"""What the charts of a user interface are drawn from, over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from interlock.orchestration.states import StateType
from tests.api.records import new_flow, new_flow_run, new_task_run, set_state


def started(api: httpx.Client, end: str | None = None) -> Any:
    """A flow run with a task run that has started, and perhaps ended."""
    flow_run = new_flow_run(api, state={"type": "RUNNING"})
    task_run = new_task_run(api, flow_run["id"], state={"type": "RUNNING"})
    if end is not None:
        set_state(api, f"/task_runs/{task_run['id']}", end)
    return flow_run


def about(*flow_runs: Any) -> dict[str, Any]:
    return {"flow_runs": {"id": {"any_": [x["id"] for x in flow_runs]}}}


def test_the_dashboard_counts_what_ended(api: httpx.Client) -> None:
    """Well or badly, in the last of twenty parts of the time until now; a run that goes on is not counted."""
    flow_runs = [started(api, x) for x in (None, "COMPLETED", "CANCELLED", "FAILED", "CRASHED")]
    since = {"start_time": {"after_": (datetime.now(UTC) - timedelta(hours=10)).isoformat()}}
    bars = api.post("/ui/task_runs/dashboard/counts", json={**about(*flow_runs), "task_runs": since}).json()
    assert bars == [{"completed": 0, "failed": 0}] * 19 + [{"completed": 2, "failed": 2}]


def test_the_dashboard_counts_until_a_time(api: httpx.Client) -> None:
    """To the end of its minute, and from the beginning of the minute where it starts; another state filter is void."""
    flow_run = started(api, "COMPLETED")
    now = datetime.now(UTC)
    asked = {
        "start_time": {"after_": now.isoformat(), "before_": now.isoformat()},
        "state": {"type": {"any_": ["RUNNING"]}},
        "operator": "or_",
    }
    bars = api.post("/ui/task_runs/dashboard/counts", json={**about(flow_run), "task_runs": asked}).json()
    assert len(bars) == 20
    # The minute may have turned since the run started.
    started_in_it = (
        api.post("/task_runs/filter", json=about(flow_run)).json()[0]["start_time"] >= f"{now:%Y-%m-%dT%H:%M}"
    )
    assert sum(x["completed"] for x in bars) == started_in_it


@pytest.mark.parametrize("task_runs", [{}, {"start_time": {}}, {"start_time": {"before_": "2026-01-01T00:00:00Z"}}])
def test_the_dashboard_must_know_since_when(api: httpx.Client, task_runs: Any) -> None:
    """There is no beginning of time to count from."""
    answer = api.post("/ui/task_runs/dashboard/counts", json={"task_runs": task_runs})
    assert (answer.status_code, answer.json()) == (422, {"detail": "task_runs.start_time.after_ is required"})


def test_the_dashboard_needs_a_filter(api: httpx.Client) -> None:
    """It is named where it is missing."""
    (error,) = api.post("/ui/task_runs/dashboard/counts", json={}).json()["exception_detail"]
    assert (error["loc"], error["msg"]) == (["body", "task_runs"], "field required")


def test_task_runs_are_counted_by_state(api: httpx.Client) -> None:
    """In every type of state, also where there are none, in an order that clients know."""
    flow_runs = [started(api, x) for x in (None, "COMPLETED", "COMPLETED", "FAILED")]
    counts = api.post("/ui/task_runs/count", json=about(*flow_runs)).json()
    assert {x: n for x, n in counts.items() if n} == {"COMPLETED": 2, "RUNNING": 1, "FAILED": 1}
    assert list(counts)[:3] == ["COMPLETED", "PENDING", "RUNNING"]
    assert set(counts) == {x.value for x in StateType}


def test_all_task_runs_are_counted_by_state(api: httpx.Client) -> None:
    """Where no filter is given at all."""
    started(api, "COMPLETED")
    counts = api.post("/ui/task_runs/count").json()
    assert counts["COMPLETED"] >= 1
    assert sum(counts.values()) == api.post("/task_runs/count").json()


def test_flow_runs_are_points_on_a_chart(api: httpx.Client) -> None:
    """When it started or is to start, how long it ran and how late it was; the last ones first."""
    going = started(api)
    day = "2040-01-01T00:00:00+00:00"
    ahead = new_flow_run(api, state={"type": "SCHEDULED", "state_details": {"scheduled_time": day}})
    first, second = api.post("/ui/flow_runs/history", json=about(going, ahead)).json()
    assert first == {
        "id": ahead["id"],
        "state_type": "SCHEDULED",
        "timestamp": day,
        "duration": 0.0,
        "lateness": 0.0,
    }
    assert (second["id"], second["state_type"], second["timestamp"]) == (going["id"], "RUNNING", going["start_time"])
    assert second["duration"] > 0


def test_a_chart_has_room_for_so_many(api: httpx.Client) -> None:
    """1000 points, in the order and from the place that is asked for; below zero means all."""
    flow_runs = [new_flow_run(api, name=name) for name in "ab"]
    pages = [
        api.post("/ui/flow_runs/history", json={**about(*flow_runs), "sort": "NAME_DESC", **page}).json()
        for page in ({"limit": 1}, {"offset": 1}, {"limit": -1}, {"limit": 0})
    ]
    a, b = (x["id"] for x in flow_runs)
    assert [[x["id"] for x in page] for page in pages] == [[b], [a], [b, a], []]
    assert api.post("/ui/flow_runs/history", json={"limit": 1001}).status_code == 422


def test_flow_runs_are_counted_by_the_type_of_their_state(api: httpx.Client) -> None:
    """Those that filters ask for; every type is named."""
    flow = new_flow(api)
    for state in ("RUNNING", "RUNNING", "COMPLETED"):
        run = new_flow_run(api, flow_id=flow["id"])
        set_state(api, f"/flow_runs/{run['id']}", state)
    answer = api.post("/ui/flow_runs/count", json={"flows": {"id": {"any_": [flow["id"]]}}})
    counts = answer.json()
    assert (counts.pop("RUNNING"), counts.pop("COMPLETED")) == (2, 1)
    assert set(counts) == {"PENDING", "FAILED", "CANCELLED", "CRASHED", "PAUSED", "CANCELLING", "SCHEDULED"}
    assert set(counts.values()) == {0}
