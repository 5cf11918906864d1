"""What ran in a flow run and which results went where, over HTTP."""

from typing import Any

import httpx
import pytest

from interlock.storage.queries import graph as graph_queries
from tests.api.records import NOWHERE, made, new_flow, new_flow_run, new_task_run, set_state


def results(*task_runs: Any) -> list[dict[str, str]]:
    return [{"input_type": "task_run", "id": x["id"]} for x in task_runs]


CONSTANT = {"input_type": "constant", "type": "int"}
PARAMETER = {"input_type": "parameter", "name": "x"}


class FlowRun:
    """A flow run in which `a` was COMPLETED, `b` was given a's result twice and FAILED, `c` was given both and runs, as
    does the subflow that `s` stands for, which was given a's; `p` has not started."""

    def __init__(self, api: httpx.Client) -> None:
        self.api = api
        self.run = new_flow_run(api, state={"type": "RUNNING"})
        self.a = self._task("a", x=[PARAMETER])
        self.b = self._task("b", x=results(self.a), y=results(self.a))
        self.c = self._task("c", x=[*results(self.b), CONSTANT], y=[], z=results(self.a))
        self.s = self._task("s", x=results(self.a))
        self.p = self._task("p", "PENDING", x=results(self.c))
        subflow = new_flow(api)
        fields = {"flow_id": subflow["id"], "name": "sub", "parent_task_run_id": self.s["id"]}
        self.sub = new_flow_run(api, **fields, state={"type": "RUNNING"})
        self.label = f"{subflow['name']} / sub"
        set_state(api, f"/task_runs/{self.a['id']}", "COMPLETED")
        set_state(api, f"/task_runs/{self.b['id']}", "FAILED")

    def _task(self, name: str, state: str = "RUNNING", **inputs: Any) -> Any:
        return new_task_run(self.api, self.run["id"], name=name, state={"type": state}, task_inputs=inputs)

    def graph(self, **query: str) -> Any:
        answer = self.api.get(f"/flow_runs/{self.run['id']}/graph-v2", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def nodes(self, **query: str) -> dict[str, Any]:
        """The nodes by their labels, in order."""
        nodes = self.graph(**query)["nodes"]
        assert all(key == node["id"] for key, node in nodes)
        return {node["label"]: node for _, node in nodes}


@pytest.fixture(scope="module")
def flow_run(api: httpx.Client) -> FlowRun:
    return FlowRun(api)


def test_the_list_of_task_runs_tells_what_each_depends_on(flow_run: FlowRun) -> None:
    """The newest first, also what has not started; parameters and constants are no dependencies."""
    found = flow_run.api.get(f"/flow_runs/{flow_run.run['id']}/graph").json()
    assert [x["name"] for x in found] == ["p", "s", "c", "b", "a"]
    upstream = {x["name"]: x["upstream_dependencies"] for x in found}
    assert upstream["c"] == results(flow_run.b, flow_run.a)
    assert upstream["b"] == results(flow_run.a)
    assert upstream["a"] == []


def test_a_task_run_in_the_list_is_as_it_is_read(flow_run: FlowRun) -> None:
    """With its state and times."""
    found = flow_run.api.get(f"/flow_runs/{flow_run.run['id']}/graph").json()[-1]
    read = flow_run.api.get(f"/task_runs/{flow_run.a['id']}").json()
    del found["upstream_dependencies"]
    assert found.pop("untrackable_result") is False
    assert found == {key: read[key] for key in found}


def test_the_graph_has_what_started_in_the_order_of_its_starts(flow_run: FlowRun) -> None:
    """A subflow takes the place of the task run that stands for it."""
    nodes = flow_run.nodes()
    assert list(nodes) == ["a", "b", "c", flow_run.label]
    a = flow_run.api.get(f"/task_runs/{flow_run.a['id']}").json()
    assert nodes["a"] == {
        "kind": "task-run",
        "id": a["id"],
        "label": "a",
        "state_type": "COMPLETED",
        "start_time": a["start_time"],
        "end_time": a["end_time"],
        "parents": [],
        "children": [{"id": x["id"]} for x in (flow_run.b, flow_run.b, flow_run.c, flow_run.sub)],
        "artifacts": [],
    }
    sub = nodes[flow_run.label]
    assert (sub["kind"], sub["id"], sub["state_type"]) == ("flow-run", flow_run.sub["id"], "RUNNING")
    assert (sub["start_time"], sub["end_time"]) == (flow_run.sub["start_time"], None)


def test_an_edge_counts_for_each_input_of_the_run_that_it_leads_from(flow_run: FlowRun) -> None:
    """b has two inputs: so its result counts twice."""
    nodes = flow_run.nodes()
    assert nodes["b"]["parents"] == [{"id": flow_run.a["id"]}] * 2
    assert nodes["c"]["parents"] == [{"id": flow_run.b["id"]}] * 2 + [{"id": flow_run.a["id"]}]
    assert nodes["b"]["children"] == [{"id": flow_run.c["id"]}] * 2
    assert nodes["c"]["children"] == []


def test_the_graph_tells_of_the_flow_run_itself(flow_run: FlowRun) -> None:
    """When it started, where the graph begins, and its states."""
    graph = flow_run.graph()
    assert (graph["start_time"], graph["end_time"]) == (flow_run.run["start_time"], None)
    assert graph["root_node_ids"] == [flow_run.a["id"]]
    state = flow_run.run["state"]
    assert graph["states"] == [{key: state[key] for key in ("id", "timestamp", "type", "name")}]


def test_what_ended_before_a_time_is_left_out(flow_run: FlowRun) -> None:
    """What ended at that time is there, and what goes on always; edges to what is left out are still told."""
    end = flow_run.nodes()["b"]["end_time"]
    assert list(flow_run.nodes(since=end)) == ["b", "c", flow_run.label]
    nodes = flow_run.nodes(since="2100-01-01T00:00:00")
    assert list(nodes) == ["c", flow_run.label]
    assert nodes["c"]["parents"] == flow_run.nodes()["c"]["parents"]


def test_a_run_that_never_ran_ended_when_it_began(api: httpx.Client) -> None:
    """One that was found in the cache, say, is COMPLETED at once; one to come has not ended."""
    run = new_flow_run(api, state={"type": "RUNNING"})
    for name, state in (("cached", "COMPLETED"), ("to come", "SCHEDULED")):
        new_task_run(api, run["id"], name=name, state={"type": state})
    nodes = dict(api.get(f"/flow_runs/{run['id']}/graph-v2").json()["nodes"]).values()
    times = {x["label"]: (x["start_time"] == x["end_time"], x["end_time"]) for x in nodes}
    assert times["cached"][0]
    assert times["to come"][1] is None


def test_artifacts_are_with_what_made_them(api: httpx.Client) -> None:
    """But for results; of those with the same key one is the latest."""
    run = new_flow_run(api, state={"type": "RUNNING"})
    task_run = new_task_run(api, run["id"], state={"type": "RUNNING"})
    for task_run_id, key, kind in (
        (task_run["id"], "key", "markdown"),
        (task_run["id"], "key", "table"),
        (task_run["id"], None, "progress"),
        (task_run["id"], None, "result"),
        (None, "other", "markdown"),
    ):
        made(api, "/artifacts/", {"flow_run_id": run["id"], "task_run_id": task_run_id, "key": key, "type": kind})
    graph = api.get(f"/flow_runs/{run['id']}/graph-v2").json()
    own, of_task = (
        [(x["key"], x["type"], x["is_latest"]) for x in y["artifacts"]] for y in (graph, graph["nodes"][0][1])
    )
    assert own == [("other", "markdown", True)]
    assert of_task == [("key", "markdown", False), ("key", "table", True), (None, "progress", True)]


def test_a_graph_may_be_too_large(flow_run: FlowRun) -> None:
    """It is not cut off, but refused."""
    path = f"/flow_runs/{flow_run.run['id']}/graph-v2"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph_queries, "MAX_NODES", 3)
        answer = flow_run.api.get(path)
        assert flow_run.api.get(path, params={"since": "2100-01-01T00:00:00Z"}).status_code == 200
    assert answer.status_code == 400
    assert answer.json() == {"detail": f"The graph of flow run {flow_run.run['id']} has more than 3 nodes."}


@pytest.mark.parametrize(
    ("path", "message"), [("graph", "Flow run with id {} not found"), ("graph-v2", "Flow run {} not found")]
)
def test_there_is_no_graph_of_nothing(api: httpx.Client, path: str, message: str) -> None:
    """404."""
    answer = api.get(f"/flow_runs/{NOWHERE}/{path}")
    assert (answer.status_code, answer.json()) == (404, {"exception_message": message.format(NOWHERE)})


@pytest.mark.parametrize("since", ["soon", "2026-01-01", ""])
def test_since_must_be_a_time(flow_run: FlowRun, since: str) -> None:
    """A day alone is none."""
    answer = flow_run.api.get(f"/flow_runs/{flow_run.run['id']}/graph-v2", params={"since": since})
    (error,) = answer.json()["exception_detail"]
    assert (answer.status_code, error["loc"], error["msg"]) == (422, ["query", "since"], "invalid datetime format")
