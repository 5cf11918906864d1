"""Flows by filters, and their number, over HTTP. What filters mean is tested with the store (test_filters.py)."""

from typing import Any

import httpx
import pytest

from tests.api.records import new_deployment, new_flow, new_flow_run, new_task_run, unique


class Flows:
    """Three flows with names of their own: `b` has a run with a task run, `A` a paused deployment, `c` nothing."""

    def __init__(self, api: httpx.Client) -> None:
        self.api = api
        self.word = unique("word")
        self.b = new_flow(api, name=f"b {self.word}", tags=["x"])
        self.a = new_flow(api, name=f"A {self.word}")
        self.c = new_flow(api, name=f"c {self.word}")
        self.flow_run = new_flow_run(api, flow_id=self.b["id"], name="run")
        new_task_run(api, self.flow_run["id"], name="task")
        new_deployment(api, flow_id=self.a["id"], paused=True)

    def ask(self, path: str, **body: Any) -> httpx.Response:
        """POST to the path, about these flows only."""
        own = {"name": {"like_": self.word.upper()}} | body.pop("flows", {})
        return self.api.post(f"/flows/{path}", json={"flows": own, **body})

    def names(self, **body: Any) -> str:
        """The first letters of what is found, by name; as many must be counted."""
        found = self.ask("filter", **body).json()
        assert self.ask("count", **body).json() == len(found), found
        return "".join(x["name"][0] for x in found)


@pytest.fixture(scope="module")
def flows(api: httpx.Client) -> Flows:
    return Flows(api)


def test_a_found_flow_is_the_flow_as_it_is_read(flows: Flows) -> None:
    """By name unless it is said otherwise, where capitals come first."""
    assert flows.ask("filter").json() == [flows.a, flows.b, flows.c]


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"flows": {"tags": {"all_": ["x"]}}}, "b"),
        ({"flows": {"tags": {"is_null_": True}}}, "Ac"),
        ({"flows": {"deployment": {"is_null_": True}}}, "bc"),
        ({"flows": {"deployment": {"is_null_": False}}}, "A"),
        ({"flows": {"id": {"any_": []}}}, ""),
        ({"deployments": {}}, "A"),
        ({"deployments": {"paused": {"eq_": False}}}, ""),
        ({"flow_runs": {}}, "b"),
        ({"flow_runs": {"name": {"any_": ["run"]}}, "task_runs": {"name": {"any_": ["task"]}}}, "b"),
        ({"task_runs": {"name": {"any_": ["run"]}}}, ""),
        ({"work_pools": {}}, ""),
    ],
)
def test_flows_are_found_by_what_they_are_and_have(flows: Flows, asked: Any, names: str) -> None:
    """Each part of the filter as the wire spells it."""
    assert flows.names(**asked) == names


@pytest.mark.parametrize(("sort", "names"), [("NAME_DESC", "cbA"), ("CREATED_DESC", "cAb")])
def test_flows_come_in_an_order(flows: Flows, sort: str, names: str) -> None:
    """As the sort says."""
    assert "".join(x["name"][0] for x in flows.ask("filter", sort=sort).json()) == names


def test_changed_flows_may_come_first(api: httpx.Client) -> None:
    """By the time of the last change."""
    flows = Flows(api)
    assert api.patch(f"/flows/{flows.b['id']}", json={"tags": []}).status_code == 204
    assert flows.ask("filter", sort="UPDATED_DESC", limit=1).json()[0]["id"] == flows.b["id"]


def test_pages_follow_each_other(flows: Flows) -> None:
    """Without leaving a flow out."""
    assert [x["name"][0] for x in flows.ask("filter", limit=2, offset=1).json()] == ["b", "c"]
