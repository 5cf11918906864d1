"""Pages by cursor, over HTTP. How records are found after a place is tested with the store."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from interlock.api.schemas.logs import LogSort
from interlock.api.schemas.sorting import FlowRunSort, TaskRunSort
from tests.api.records import made, new_flow_run, new_task_run, unique

SORTS = {"task_runs": TaskRunSort, "flow_runs": FlowRunSort, "logs": LogSort}
TIME = "2026-01-01T00:00:0{}+00:00"
FOREIGN = "Invalid cursor: it is not one that was answered here."


@pytest.fixture(scope="module")
def bodies(api: httpx.Client) -> dict[str, dict[str, Any]]:
    """For each noun what asks for eleven records, some of which are equal in most orders."""
    tag = unique("tag")
    run = new_flow_run(api, tags=[tag], name="run 0")
    for number in range(11):
        name, pending = f"run {number // 3}", {"type": "PENDING" if number % 2 else "COMPLETED"}
        new_task_run(api, run["id"], name=name, tags=[tag], state=pending)
        if number:
            new_flow_run(api, name=name, tags=[tag], state=pending)
    line = {"name": "x", "level": 20, "flow_run_id": run["id"]}
    made(api, "/logs/", [line | {"message": str(x), "timestamp": TIME.format(x // 4)} for x in range(11)])
    tagged = {"tags": {"all_": [tag]}}
    return {
        "task_runs": {"task_runs": tagged},
        "flow_runs": {"flow_runs": tagged},
        "logs": {"logs": {"flow_run_id": {"any_": [run["id"]]}}},
    }


def pages(api: httpx.Client, noun: str, body: dict[str, Any]) -> Iterator[list[Any]]:
    """Page after page, following the cursors."""
    cursor = None
    while True:
        answer = made(api, f"/{noun}/page", body | {"cursor": cursor})
        assert list(answer) == ["items", "next_cursor"]
        yield answer["items"]
        cursor = answer["next_cursor"]
        if cursor is None:
            return


@pytest.mark.parametrize(("noun", "sort"), [(noun, x.value) for noun, sorts in SORTS.items() for x in sorts])
def test_cursors_lead_through_all_that_is_asked_for(
    api: httpx.Client, bodies: dict[str, dict[str, Any]], noun: str, sort: str
) -> None:
    """Page after page gives what the filter gives at once, in every order of the filter."""
    body = bodies[noun] | {"sort": sort}
    found = list(pages(api, noun, body | {"limit": 4}))
    assert [len(x) for x in found] == [4, 4, 3]
    assert [x["id"] for page in found for x in page] == [x["id"] for x in made(api, f"/{noun}/filter", body)]


@pytest.mark.parametrize("noun", SORTS)
def test_a_record_is_that_of_the_filter(api: httpx.Client, bodies: dict[str, dict[str, Any]], noun: str) -> None:
    """With all its fields."""
    ongoing = {"estimated_start_time_delta", "estimated_run_time"}
    (page,) = pages(api, noun, bodies[noun])
    expected = made(api, f"/{noun}/filter", bodies[noun])
    assert [{k: x[k] for k in x if k not in ongoing} for x in page] == [
        {k: x[k] for k in x if k not in ongoing} for x in expected
    ]
    assert [list(x) for x in page] == [list(x) for x in expected]


@pytest.mark.parametrize("noun", SORTS)
def test_a_page_that_is_just_full_is_the_last(api: httpx.Client, bodies: dict[str, dict[str, Any]], noun: str) -> None:
    """No cursor leads to an empty page."""
    assert [len(x) for x in pages(api, noun, bodies[noun] | {"limit": 11})] == [11]
    nothing = {noun: {"id": {"any_": []}}} if noun != "logs" else {noun: {"flow_run_id": {"any_": []}}}
    assert made(api, f"/{noun}/page", nothing) == {"items": [], "next_cursor": None}


def written(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


ID = "00000000-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("cursor", "detail"),
    [
        ("", FOREIGN),
        ("nonsense", FOREIGN),
        ("ünï", FOREIGN),
        (written("task_runs END_TIME_DESC", None), FOREIGN),
        (written("task_runs END_TIME_DESC", None, "no id"), FOREIGN),
        (written("task_runs END_TIME_DESC", "2026-01-01", ID), FOREIGN),
        (written("task_runs END_TIME_DESC", 10**18, ID), FOREIGN),
        (written("task_runs END_TIME_DESC", True, ID), FOREIGN),
        (
            written("task_runs NAME_ASC", "x", ID),
            "Invalid cursor: it leads on in task_runs NAME_ASC, and this request asks for task_runs END_TIME_DESC.",
        ),
        (
            written("flow_runs ID_DESC", None, ID),
            "Invalid cursor: it leads on in flow_runs ID_DESC, and this request asks for task_runs END_TIME_DESC.",
        ),
    ],
)
def test_a_cursor_that_leads_nowhere_is_refused(api: httpx.Client, cursor: str, detail: str) -> None:
    """Damaged, made up, or of another order: in words."""
    answer = api.post("/task_runs/page", json={"sort": "END_TIME_DESC", "cursor": cursor})
    assert (answer.status_code, answer.json()) == (422, {"detail": detail})


def test_no_run_is_without_a_name(api: httpx.Client) -> None:
    """So a cursor that says so is made up."""
    answer = api.post("/task_runs/page", json={"sort": "NAME_ASC", "cursor": written("task_runs NAME_ASC", None, ID)})
    assert (answer.status_code, answer.json()) == (422, {"detail": FOREIGN})


@pytest.mark.parametrize(
    ("limit", "detail"),
    [
        (0, "Invalid limit: must be greater than or equal to 1."),
        (201, "Invalid limit: must be less than or equal to 200."),
    ],
)
def test_a_page_has_its_limits(api: httpx.Client, limit: int, detail: str) -> None:
    """At least 1: a page of none would lead on to itself."""
    for noun in SORTS:
        answer = api.post(f"/{noun}/page", json={"limit": limit})
        assert (answer.status_code, answer.json()) == (422, {"detail": detail})
