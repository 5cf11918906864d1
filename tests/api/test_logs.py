"""Logs over HTTP."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

TIME = "2026-01-01T00:00:0{}+00:00"


def line(**fields: Any) -> dict[str, Any]:
    return {"name": "prefect.flow_runs", "level": 20, "message": "m", "timestamp": TIME.format(0), **fields}


def messages(api: httpx.Client, flow_run_id: str, **body: Any) -> list[str]:
    """The messages that a filter finds among those of the flow run."""
    wanted = {"flow_run_id": {"any_": [flow_run_id]}} | body.pop("logs", {})
    answer = api.post("/logs/filter", json={"logs": wanted, **body})
    assert answer.status_code == 200, answer.text
    return [x["message"] for x in answer.json()]


@pytest.fixture
def flow_run_id(api: httpx.Client) -> str:
    """The id of a flow run with four lines, not stored in their order."""
    run, task = str(uuid4()), str(uuid4())
    lines = [
        line(flow_run_id=run, message="d", level=40, timestamp=TIME.format(3)),
        line(flow_run_id=run, message="a", level=10, timestamp=TIME.format(0)),
        line(flow_run_id=run, message="c", level=30, timestamp=TIME.format(2), task_run_id=task),
        line(flow_run_id=run, message="b", level=20, timestamp=TIME.format(1)),
    ]
    assert api.post("/logs/", json=lines).status_code == 201
    return run


def test_stored_lines_are_read_as_they_were_sent(api: httpx.Client) -> None:
    """With the time in UTC, whatever offset it came with."""
    run, task = str(uuid4()), str(uuid4())
    sent = line(flow_run_id=run, task_run_id=task, message="žluť\n👋", timestamp="2026-01-01T02:00:00.25+02:00")
    answer = api.post("/logs/", json=[sent])
    assert (answer.status_code, answer.json()) == (201, None)
    (stored,) = api.post("/logs/filter", json={"logs": {"task_run_id": {"any_": [task]}}}).json()
    assert {x: stored[x] for x in sent} == sent | {"timestamp": "2026-01-01T00:00:00.250000+00:00"}
    assert set(stored) - set(sent) == {"id", "created", "updated"}


def test_no_lines_are_no_error(api: httpx.Client) -> None:
    """A logger that has nothing to send may say so."""
    assert api.post("/logs/", json=[]).status_code == 201


def test_hundreds_of_lines_are_stored_in_one_request_and_in_order(api: httpx.Client) -> None:
    """Lines of the same moment are read in the order in which they were sent."""
    run = str(uuid4())
    assert api.post("/logs/", json=[line(flow_run_id=run, message=str(i)) for i in range(500)]).status_code == 201
    pages = [messages(api, run, limit=200, offset=offset) for offset in (0, 200, 400)]
    assert [x for page in pages for x in page] == [str(i) for i in range(500)]


def test_lines_are_stored_all_or_none(api: httpx.Client) -> None:
    """A bad one keeps the others out, and is told by its place."""
    run = str(uuid4())
    answer = api.post("/logs/", json=[line(flow_run_id=run), line(flow_run_id=run, level="high")])
    assert answer.status_code == 422
    assert [x["loc"] for x in answer.json()["exception_detail"]] == [["body", 1, "level"]]
    assert messages(api, run) == []


def test_pages_are_by_time_from_either_end(api: httpx.Client, flow_run_id: str) -> None:
    """The oldest first, unless asked otherwise."""
    assert messages(api, flow_run_id) == ["a", "b", "c", "d"]
    assert messages(api, flow_run_id, sort="TIMESTAMP_DESC") == ["d", "c", "b", "a"]
    assert messages(api, flow_run_id, limit=2, offset=1) == ["b", "c"]
    assert messages(api, flow_run_id, limit=0) == []


@pytest.mark.parametrize(
    ("logs", "found"),
    [
        ({"level": {"ge_": 20}}, "bcd"),
        ({"level": {"le_": 20}}, "ab"),
        ({"level": {"ge_": 20, "le_": 30}}, "bc"),
        ({"timestamp": {"after_": TIME.format(2)}}, "cd"),
        ({"timestamp": {"before_": TIME.format(1)}}, "ab"),
        ({"task_run_id": {"any_": []}}, ""),
        ({"task_run_id": {"is_null_": True}}, "abd"),
        ({"task_run_id": {"is_null_": False}}, "c"),
        ({"text": {"like_": "B"}}, "b"),
        ({"text": {"like_": "_"}, "level": {"ge_": 30}}, "cd"),
        ({"text": {}}, "abcd"),
        ({"level": {}, "task_run_id": None}, "abcd"),
    ],
)
def test_lines_are_found_by_level_time_run_and_text(
    api: httpx.Client, flow_run_id: str, logs: dict[str, Any], found: str
) -> None:
    """Bounds count as within; all parts must hold."""
    assert messages(api, flow_run_id, logs=logs) == list(found)


def test_lines_are_found_where_any_part_holds(api: httpx.Client, flow_run_id: str) -> None:
    """With the operator `or_`."""
    parts = {"operator": "or_", "flow_run_id": {"any_": []}, "level": {"ge_": 40}}
    found = api.post("/logs/filter", json={"logs": parts, "sort": "TIMESTAMP_DESC"}).json()
    assert flow_run_id in {x["flow_run_id"] for x in found}
    assert {x["level"] for x in found} == {40}


@pytest.mark.parametrize("limit", [201, -1])
def test_a_page_holds_at_most_200_lines(api: httpx.Client, limit: int) -> None:
    """Other limits are refused, in words."""
    answer = api.post("/logs/filter", json={"limit": limit})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("Invalid limit: must be ")
