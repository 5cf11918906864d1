"""Pages by number over HTTP."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.api.records import new_deployment, new_flow, new_flow_run, new_task_run

MAKERS: dict[str, Callable[[httpx.Client, str], Any]] = {
    "flow_runs": lambda api, flow_id: new_flow_run(api, flow_id=flow_id),
    "task_runs": lambda api, flow_id: new_task_run(api, new_flow_run(api, flow_id=flow_id)["id"]),
    "deployments": lambda api, flow_id: new_deployment(api, flow_id=flow_id),
}


@pytest.mark.parametrize("noun", MAKERS)
def test_pages_follow_each_other(api: httpx.Client, noun: str) -> None:
    """Each tells how many records and pages there are; together they hold what is found otherwise."""
    flow_id = new_flow(api)["id"]
    for _ in range(5):
        MAKERS[noun](api, flow_id)
    asked = {"flows": {"id": {"any_": [flow_id]}}}
    pages = [api.post(f"/{noun}/paginate", json=asked | {"limit": 2, "page": x}).json() for x in (1, 2, 3, 4)]
    assert [(x["count"], x["limit"], x["pages"], x["page"]) for x in pages] == [(5, 2, 3, x) for x in (1, 2, 3, 4)]
    assert [len(x["results"]) for x in pages] == [2, 2, 1, 0]
    ids = [record["id"] for page in pages for record in page["results"]]
    assert ids == [x["id"] for x in api.post(f"/{noun}/filter", json=asked).json()]


def test_flows_have_pages_too(api: httpx.Client) -> None:
    """Whole flows, by name."""
    flows = sorted((new_flow(api) for _ in range(3)), key=lambda x: x["name"])
    asked = {"flows": {"id": {"any_": [x["id"] for x in flows]}}, "limit": 2, "page": 2}
    expected = {"results": flows[2:], "count": 3, "limit": 2, "pages": 2, "page": 2}
    assert api.post("/flows/paginate", json=asked).json() == expected


@pytest.mark.parametrize("page", [{"page": 0}, {"page": -1}, {"page": "x"}, {"limit": 201}, {"sort": "X"}])
def test_a_page_that_can_not_be_is_refused(api: httpx.Client, page: dict[str, Any]) -> None:
    assert api.post("/flow_runs/paginate", json=page).status_code == 422


def test_a_page_of_nothing_is_one_of_none(api: httpx.Client) -> None:
    """As one far behind the last has nothing."""
    assert api.post("/flows/paginate", json={"limit": 0}).json()["pages"] == 0
    assert api.post("/flows/paginate", json={"page": 10**30}).json()["results"] == []
