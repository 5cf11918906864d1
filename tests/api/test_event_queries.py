"""Events by HTTP: kept, found page by page, counted, and what is answered to requests that are none."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from interlock.api.events import MOST_SKIPPED, PAGE
from tests.api.records import NOWHERE, new_flow_run, new_task_run, set_state, unique

BEGIN = datetime(2026, 2, 2, 3, 4, 5, tzinfo=UTC)
"""A Monday."""


def sent(at: timedelta = timedelta(), **fields: Any) -> dict[str, Any]:
    """An event so long after BEGIN."""
    resource = {"prefect.resource.id": "shop.1", "prefect.resource.name": "The shop"}
    values = {"id": str(uuid4()), "occurred": (BEGIN + at).isoformat(), "event": "shop.sold", "resource": resource}
    return {**values, "related": [], "payload": {}, "follows": None, **fields}


def wanted(prefix: str, **parts: Any) -> dict[str, Any]:
    """A filter of the events of one test, which all have a name of its own."""
    occurred = {"since": BEGIN.isoformat(), "until": (BEGIN + timedelta(days=30)).isoformat()}
    return {"event": {"prefix": [prefix]}, "occurred": occurred, **parts}


def kept(api: httpx.Client, *events: dict[str, Any]) -> None:
    answer = api.post("/events", json=events)
    assert (answer.status_code, answer.content) == (204, b"")


def pages(api: httpx.Client, asked: dict[str, Any], limit: int) -> Iterator[dict[str, Any]]:
    """All pages, by their links."""
    answer = api.post("/events/filter", json={"filter": asked, "limit": limit})
    while True:
        assert answer.status_code == 200, answer.text
        yield answer.json()
        link = answer.json()["next_page"]
        if link is None:
            return
        answer = api.get(link)


@pytest.fixture(scope="module")
def shop(api: httpx.Client) -> list[dict[str, Any]]:
    """Ten events, an hour apart, of two shops."""
    names = [f"long.shop.{x}" for x in ("sold", "closed")]
    events = [
        sent(
            timedelta(hours=number),
            event=names[number % 5 == 0],
            resource={"prefect.resource.id": f"shop.{number % 3}", "prefect.resource.name": f"Shop {number % 3}"},
            related=[{"prefect.resource.id": "town", "prefect.resource.role": "place", "number": str(number)}],
            payload={"number": number},
        )
        for number in range(10)
    ]
    kept(api, *reversed(events))
    return events


def test_an_event_is_found_as_it_was_sent(api: httpx.Client) -> None:
    """And with the time at which it came; its time is in UTC, whatever offset it had."""
    first = sent()
    event = sent(
        timedelta(seconds=1),
        event="whole.sold",
        occurred="2026-02-03T05:00:00.000001+02:00",
        related=[{"prefect.resource.id": "b", "prefect.resource.role": "r"}],
        payload={"b": [1.5, None], "a": {"x": "ü"}},
        follows=first["id"],
    )
    before = datetime.now(UTC)
    kept(api, event)
    (found,) = api.post("/events/filter", json={"filter": wanted("whole")}).json()["events"]
    assert before <= datetime.fromisoformat(found.pop("received")) <= datetime.now(UTC)
    assert found == event | {"occurred": "2026-02-03T03:00:00.000001+00:00"}


@pytest.mark.parametrize("limit", [1, 3, 5, 50])
def test_the_links_of_pages_lead_through_all_events(limit: int, api: httpx.Client, shop: list[dict[str, Any]]) -> None:
    """The newest first, each once; every page tells how many there are, and the last has no link."""
    found = list(pages(api, wanted("long.shop"), limit))
    assert [x["id"] for page in found for x in page["events"]] == [x["id"] for x in reversed(shop)]
    assert [len(x["events"]) for x in found[:-1]] == [limit] * (len(found) - 1)
    assert {x["total"] for x in found} == {len(shop)}


def test_a_link_asks_for_what_was_asked_first(api: httpx.Client, shop: list[dict[str, Any]]) -> None:
    """All parts of the filter, in its order."""
    asked = wanted(
        "long.shop",
        resource={"id_prefix": ["shop."], "labels": {"prefect.resource.name": ["Shop 1", "!Shop ?"]}},
        related={"role": ["place"], "labels": {"number": "!7"}},
        any_resource=[{"id": ["town"]}],
        text={"query": "number -closed"},
        order="ASC",
    )
    found = [x["payload"]["number"] for page in pages(api, asked, 1) for x in page["events"]]
    assert found == [1, 4]


def test_only_the_first_event_of_each_resource_is_found(api: httpx.Client, shop: list[dict[str, Any]]) -> None:
    """In the order that is asked for; when counted, all of them count."""
    asked = wanted("long.shop", resource={"distinct": True})
    found = list(pages(api, asked, 2))
    assert [x["payload"]["number"] for page in found for x in page["events"]] == [9, 8, 7]
    assert found[0]["total"] == 3
    counted = api.post("/events/count-by/resource", json={"filter": asked}).json()
    assert sum(x["count"] for x in counted) == len(shop)


def test_events_by_their_ids(api: httpx.Client, shop: list[dict[str, Any]]) -> None:
    """Those there are."""
    ids = [shop[3]["id"].upper(), NOWHERE, shop[5]["id"]]
    (page,) = pages(api, wanted("", id={"id": ids}), 50)
    assert [x["id"] for x in page["events"]] == [shop[5]["id"], shop[3]["id"]]


def test_a_request_without_a_filter_is_answered(api: httpx.Client, shop: list[dict[str, Any]]) -> None:
    """With the newest; a page of none, too."""
    run = new_flow_run(api)
    set_state(api, f"/flow_runs/{run['id']}", "RUNNING")
    for body in ({}, {"filter": None}):
        newest = api.post("/events/filter", json=body).json()["events"][0]
        assert newest["event"].startswith("prefect.flow-run.")
    nothing = api.post("/events/filter", json={"filter": wanted("long.shop"), "limit": 0}).json()
    assert (nothing["events"], nothing["total"], nothing["next_page"]) == ([], len(shop), None)


def test_the_states_of_runs_are_found_as_events(api: httpx.Client) -> None:
    """Also those of task runs that were decided by requests; by the run, by its flow run, and in their order."""
    flow_run = new_flow_run(api, tags=["a tag"])
    set_state(api, f"/flow_runs/{flow_run['id']}", "RUNNING")
    task_run = new_task_run(api, flow_run["id"])
    state = set_state(api, f"/task_runs/{task_run['id']}", "RUNNING")["state"]
    related = {"id": [f"prefect.flow-run.{flow_run['id']}"]}
    found = api.post("/events/filter", json={"filter": {"related": related}}).json()["events"]
    assert [x["event"] for x in found] == ["prefect.task-run.Running", "prefect.task-run.Pending"]
    assert (found[0]["id"], found[0]["follows"]) == (state["id"], found[1]["id"])
    any_resource = {"id": [f"prefect.flow-run.{flow_run['id']}"]}
    answer = api.post("/events/filter", json={"filter": {"any_resource": any_resource, "order": "ASC"}}).json()
    assert [x["event"] for x in answer["events"]] == [
        *("prefect.flow-run.Pending", "prefect.flow-run.Running"),
        *("prefect.task-run.Pending", "prefect.task-run.Running"),
    ]
    assert answer["total"] == 4
    assert api.delete(f"/flow_runs/{flow_run['id']}").status_code == 204
    assert api.post("/events/filter", json={"filter": {"any_resource": any_resource}}).json()["total"] == 0


def changed_link(api: httpx.Client, **changes: Any) -> str:
    """A link whose token says something else."""
    link = next(pages(api, wanted("long.shop"), 3))["next_page"]
    address, token = link.split("?page-token=")
    walk = json.loads(base64.urlsafe_b64decode(httpx.QueryParams(f"x={token}")["x"])) | changes
    return f"{address}?page-token={base64.urlsafe_b64encode(json.dumps(walk).encode()).decode()}"


@pytest.mark.parametrize("token", ["", "x", "AAAA", "ü", base64.urlsafe_b64encode(b"{}").decode()])
def test_a_link_that_is_none_is_forbidden(token: str, api: httpx.Client) -> None:
    """A client may have cut it off."""
    assert api.get("/events/filter/next", params={"page-token": token}).status_code == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"offset": -1},
        {"offset": MOST_SKIPPED + 1},
        {"limit": PAGE + 1},
        {"limit": -1},
        {"filter": {"x": 1}},
        {"total": None},
    ],
)
def test_a_link_that_was_tampered_with_is_forbidden(
    changes: dict[str, Any], api: httpx.Client, shop: list[dict[str, Any]]
) -> None:
    """It leads to no more than the server would have offered."""
    assert api.get(changed_link(api, **changes)).status_code == 403
    assert api.get(changed_link(api)).status_code == 200
    assert api.get(changed_link(api, offset=MOST_SKIPPED)).json()["events"] == []


def test_a_link_without_a_token_is_refused(api: httpx.Client) -> None:
    """As any request without what it needs."""
    answer = api.get("/events/filter/next")
    assert answer.status_code == 422
    assert answer.json()["exception_detail"][0]["loc"] == ["query", "page-token"]


def counted(api: httpx.Client, countable: str, **body: Any) -> Any:
    body.setdefault("filter", wanted("long.shop"))
    answer = api.post(f"/events/count-by/{countable}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_events_are_counted_by_name(api: httpx.Client, shop: list[dict[str, Any]]) -> None:
    """The most frequent first, with the times of the first and the last."""
    assert counted(api, "event") == [
        {
            "value": x,
            "label": x,
            "count": count,
            "start_time": shop[first]["occurred"],
            "end_time": shop[last]["occurred"],
        }
        for x, count, first, last in (("long.shop.sold", 8, 1, 9), ("long.shop.closed", 2, 0, 5))
    ]
    asked = wanted("long.shop", text={"query": "closed"})
    assert [(x["value"], x["count"]) for x in counted(api, "event", filter=asked)] == [("long.shop.closed", 2)]


def test_events_are_counted_by_what_they_are_about(api: httpx.Client, shop: list[dict[str, Any]]) -> None:
    """Under the name that it has in the last of them."""
    assert [(x["value"], x["label"], x["count"]) for x in counted(api, "resource")] == [
        ("shop.0", "Shop 0", 4),
        ("shop.1", "Shop 1", 3),
        ("shop.2", "Shop 2", 3),
    ]


@pytest.mark.parametrize(("query", "count"), [(None, 10), ({"query": "sold"}, 8)])
def test_events_are_counted_by_day(query: Any, count: int, api: httpx.Client, shop: list[dict[str, Any]]) -> None:
    """Days without any too; whatever unit is named besides."""
    days = counted(api, "day", filter=wanted("long.shop", text=query), time_unit="week", time_interval=2)
    assert len(days) == 31
    assert [x["value"] for x in days] == [str(number) for number in range(31)]
    assert (days[0]["count"], sum(x["count"] for x in days)) == (count, count)
    assert (days[0]["label"], days[0]["start_time"]) == ("2026-02-02T00:00:00+00:00", "2026-02-02T00:00:00+00:00")
    assert days[0]["end_time"] == "2026-02-02T23:59:59.999999+00:00"


def test_events_are_counted_by_any_span_of_time(api: httpx.Client, shop: list[dict[str, Any]]) -> None:
    """Fractions of hours, weeks."""
    span = {"since": BEGIN.isoformat(), "until": (BEGIN + timedelta(hours=10)).isoformat()}
    asked = wanted("long.shop", occurred=span)
    halves = counted(api, "time", filter=asked, time_unit="hour", time_interval=0.5)
    assert [x["count"] for x in halves] == [1, 0] * 10 + [0]
    (week,) = counted(api, "time", filter=asked, time_unit="week")
    assert (week["count"], week["start_time"]) == (10, "2026-02-02T00:00:00+00:00")


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        ("/events/filter", {"limit": 51}, ["body", "limit"]),
        ("/events/filter", {"limit": -1}, ["body", "limit"]),
        ("/events/filter", {"filter": {"name": "x"}}, ["body", "filter", "name"]),
        ("/events/filter", {"filter": {"event": {"prefix": "x"}}}, ["body", "filter", "event", "prefix"]),
        ("/events/filter", {"filter": {"occurred": {"since": "x"}}}, ["body", "filter", "occurred", "since"]),
        ("/events/count-by/event", {}, ["body", "filter"]),
        ("/events/count-by/time", {"filter": {}, "time_unit": "year"}, ["body", "time_unit"]),
        ("/events/count-by/time", {"filter": {}, "time_interval": 0}, ["body", "time_interval"]),
        ("/events/count-by/color", {"filter": {}}, ["path", "countable"]),
        ("/events", [sent(event=5)], ["body", 0, "event"]),
        ("/events", [sent(resource={"a": "b"})], ["body", 0, "resource"]),
        ("/events", [sent(related=[{"prefect.resource.id": "x"}])], ["body", 0, "related", 0]),
        ("/events", {}, ["body"]),
    ],
)
def test_what_is_no_request_is_refused_with_what_is_wrong(
    path: str, body: Any, place: list[Any], api: httpx.Client
) -> None:
    """In the shape of all such answers."""
    answer = api.post(path, json=body)
    assert answer.status_code == 422
    assert answer.json()["exception_message"] == "Invalid request received."
    assert place in [x["loc"] for x in answer.json()["exception_detail"]]


@pytest.mark.parametrize("body", [{"time_unit": "second"}, {"time_unit": "week", "time_interval": 1_000_000}])
def test_time_that_can_not_be_divided_so_is_refused(body: dict[str, Any], api: httpx.Client) -> None:
    """With a reason."""
    answer = api.post("/events/count-by/time", json={"filter": wanted("long.shop"), **body})
    assert answer.status_code == 422
    assert "The given interval would create" in answer.text


def test_an_event_that_is_sent_again_changes_nothing(api: httpx.Client) -> None:
    """Nor does one with the same id that says something else."""
    name = unique("again")
    event = sent(event=name)
    kept(api, event, event)
    kept(api, event | {"payload": {"x": 1}, "resource": {"prefect.resource.id": "other"}})
    (found,) = api.post("/events/filter", json={"filter": wanted(name)}).json()["events"]
    assert (found["payload"], found["resource"]) == ({}, event["resource"])
    other = wanted(name, resource={"id": ["other"]})
    assert api.post("/events/filter", json={"filter": other}).json()["total"] == 0
