"""A flow run's task runs as bars, over HTTP."""

from typing import Any

import httpx
import pytest

from interlock.api.timelines import SLACK
from tests.api.records import NOWHERE, new_flow_run, new_task_run, set_state


def timeline(api: httpx.Client, flow_run_id: str, **query: Any) -> Any:
    answer = api.get(f"/flow_runs/{flow_run_id}/timeline", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def running(api: httpx.Client) -> str:
    return str(new_flow_run(api, state={"type": "RUNNING"})["id"])


def test_a_bar_tells_times_state_what_it_depends_on_and_its_subflow(api: httpx.Client, running: str) -> None:
    """Also of what has not started."""
    first = new_task_run(api, running, name="first", state={"type": "RUNNING"})
    given = [{"input_type": "task_run", "id": first["id"]}]
    inputs = {"x": given, "y": given, "z": [{"input_type": "parameter", "name": "p"}]}
    second = new_task_run(api, running, name="second", task_inputs=inputs)
    subflow = new_flow_run(api, parent_task_run_id=second["id"])
    set_state(api, f"/task_runs/{first['id']}", "COMPLETED")
    whole = timeline(api, running)
    bars = {x["name"]: x for x in whole["items"]}
    run = api.get(f"/task_runs/{first['id']}").json()
    shared = ("id", "name", "state_type", "state_name", "expected_start_time", "start_time", "end_time")
    assert bars["first"] == {x: run[x] for x in shared} | {"parents": [], "subflow_run_id": None}
    assert run["end_time"] is not None
    assert bars["second"]["parents"] == [first["id"]]
    assert (bars["second"]["state_type"], bars["second"]["start_time"]) == ("PENDING", None)
    assert bars["second"]["subflow_run_id"] == subflow["id"]
    assert whole["next_cursor"] is None


def test_pages_lead_through_all_of_them_and_to_no_others(api: httpx.Client, running: str) -> None:
    ids = {new_task_run(api, running, task_key=f"key {x % 3}")["id"] for x in range(7)}
    new_task_run(api, new_flow_run(api)["id"])
    found, cursor, sizes = [], None, []
    while True:
        page = timeline(api, running, limit=3, **({"cursor": cursor} if cursor else {}))
        found += [x["id"] for x in page["items"]]
        sizes.append(len(page["items"]))
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert (sizes, len(found), set(found)) == ([3, 3, 1], 7, ids)


def test_what_has_changed_since_is_told_and_little_else(api: httpx.Client, running: str) -> None:
    """Created, moved or renamed: whoever asks with the `as_of` of the last answer misses nothing."""
    old = [new_task_run(api, running)["id"] for _ in range(3)]
    updated = api.get(f"/task_runs/{old[-1]}").json()["updated"]
    api.patch(f"/task_runs/{old[0]}", json={"name": "renamed"})
    new = new_task_run(api, running)["id"]
    changed = timeline(api, running, changed_since=updated)["items"]
    assert {x["id"] for x in changed} == {old[0], old[2], new}
    assert "renamed" in {x["name"] for x in changed}
    as_of = timeline(api, running)["as_of"]
    set_state(api, f"/task_runs/{old[1]}", "RUNNING")
    assert old[1] in {x["id"] for x in timeline(api, running, changed_since=as_of)["items"]}
    assert SLACK.total_seconds() > 5


def test_what_can_t_be_asked_is_refused(api: httpx.Client, running: str) -> None:
    path = f"/flow_runs/{running}/timeline"
    for query in ({"limit": 0}, {"limit": 1001}, {"cursor": "x"}, {"cursor": "e30="}, {"changed_since": "soon"}):
        assert api.get(path, params=query).status_code == 422, query
    assert api.get(f"/flow_runs/{NOWHERE}/timeline").status_code == 404
