"""Deployments by filters, over HTTP. What filters mean is tested with the store (test_filters.py)."""

from typing import Any

import httpx
import pytest

from tests.api.records import NOWHERE, made, new_deployment, new_flow, unique

CRON = {"cron": "0 0 * * *", "timezone": None, "day_or": True}


class Deployments:
    """Three deployments under a tag of their own: `b` with a schedule and a run, `A` which is paused, and `c`."""

    def __init__(self, api: httpx.Client) -> None:
        self.api = api
        self.tag = unique("tag")
        self.flow_id = new_flow(api)["id"]
        self.b = self._new("b", schedules=[{"schedule": CRON}])
        self.a = self._new("A", paused=True)
        self.c = self._new("c", work_queue_name="queue")
        self.run = made(api, f"/deployments/{self.b['id']}/create_flow_run", {})

    def _new(self, name: str, **fields: Any) -> Any:
        return new_deployment(self.api, flow_id=self.flow_id, name=name, tags=[self.tag, name], **fields)

    def ask(self, path: str, **asked: Any) -> httpx.Response:
        """POST to the path, about these deployments only."""
        own = {"tags": {"all_": [self.tag]}} | asked.pop("deployments", {})
        return self.api.post(f"/deployments/{path}", json={"deployments": own, **asked})

    def names(self, **asked: Any) -> str:
        """The names that are found, which must be as many as are counted."""
        found = "".join(x["name"] for x in self.ask("filter", **asked).json())
        criteria = {name: x for name, x in asked.items() if name not in ("sort", "limit", "offset")}
        if criteria == asked:
            assert self.ask("count", **criteria).json() == len(found)
        return found


@pytest.fixture(scope="module")
def three(api: httpx.Client) -> Deployments:
    return Deployments(api)


def test_a_found_deployment_is_whole(three: Deployments) -> None:
    """With its schedules."""
    assert three.ask("filter", sort="CREATED_DESC").json() == [three.c, three.a, three.b]


@pytest.mark.parametrize(
    ("sort", "names"), [(None, "Abc"), ("NAME_ASC", "Abc"), ("NAME_DESC", "cbA"), ("CREATED_DESC", "cAb")]
)
def test_deployments_come_in_an_order(three: Deployments, sort: str | None, names: str) -> None:
    """By name unless it is said otherwise, where capitals come first."""
    assert three.names(sort=sort) == names


def test_changed_deployments_may_come_first(api: httpx.Client) -> None:
    """By the time of their last change."""
    some = Deployments(api)
    api.patch(f"/deployments/{some.a['id']}", json={})
    assert some.names(sort="UPDATED_DESC") == "Acb"


def test_pages_follow_each_other(three: Deployments) -> None:
    """A limit of 0 finds nothing."""
    assert [three.names(limit=2, offset=x) for x in (0, 2, 4)] == ["Ab", "c", ""]
    assert three.names(limit=0) == ""


@pytest.mark.parametrize("page", [{"limit": 201}, {"limit": -1}, {"offset": -1}, {"sort": "nonsense"}])
def test_a_page_has_bounds(three: Deployments, page: dict[str, Any]) -> None:
    """Beyond them it is 422."""
    assert three.ask("filter", **page).status_code == 422


@pytest.mark.parametrize(
    ("criterion", "names"),
    [
        ({"name": {"any_": ["b", "c"]}}, "bc"),
        ({"name": {"like_": "a"}}, "A"),
        ({"paused": {"eq_": True}}, "A"),
        ({"is_schedule_active": {"eq_": True}}, "bc"),
        ({"work_queue_name": {"any_": ["queue"]}}, "c"),
        ({"flow_or_deployment_name": {"like_": "a"}}, "A"),
        ({"flow_or_deployment_name": {"like_": "flow-"}}, "Abc"),
        ({"flow_or_deployment_name": {"like_": None}}, "Abc"),
        ({"concurrency_limit": {"ge_": 1, "is_null_": True}}, "Abc"),
        ({"id": {"not_any_": [NOWHERE]}}, "Abc"),
        ({"tags": {"all_": ["b"]}, "name": {"any_": ["b"]}}, "b"),
    ],
)
def test_deployments_are_found_by_what_they_are(three: Deployments, criterion: Any, names: str) -> None:
    """Name, tags, pause and queue."""
    if "tags" in criterion:
        criterion = criterion | {"tags": {"all_": [three.tag, *criterion["tags"]["all_"]]}}
    assert three.names(deployments=criterion) == names


def test_deployments_are_found_by_what_is_around_them(three: Deployments) -> None:
    """Their flow, their runs, and where they are; a filter without conditions still asks that there are some."""
    assert three.names(flows={"id": {"any_": [three.flow_id]}}) == "Abc"
    assert three.names(flows={"id": {"any_": [NOWHERE]}}) == ""
    assert three.names(flow_runs={"id": {"any_": [three.run["id"]]}}) == "b"
    assert three.names(flow_runs={}) == "b"
    assert three.names(task_runs={}) == ""
    assert three.names(work_pools={}) == "c"
    assert three.names(work_pool_queues={}) == "c"
    assert three.names(work_pools={"name": {"any_": ["default-agent-pool"]}}) == "c"
    assert three.names(work_pool_queues={"name": {"any_": ["another"]}}) == ""


def test_unknown_filters_are_ignored_and_unknown_conditions_are_not(three: Deployments) -> None:
    """Newer clients may ask about nouns that are not known here."""
    assert three.names(unknown={"x": 1}) == "Abc"
    assert three.ask("filter", flow_runs={"unknown": 1}).status_code == 422


def test_without_a_body_all_are_counted(api: httpx.Client, three: Deployments) -> None:
    """And found."""
    assert api.post("/deployments/count").json() >= 3
    assert len(api.post("/deployments/filter").json()) >= 3
