"""Flow runs by filters, counts, histories and lateness, over HTTP. What filters mean is tested with the store."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.api.records import NOWHERE, new_deployment, new_flow_run, new_task_run, set_state, unique

FAR = datetime(2040, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def scheduled(time: datetime) -> dict[str, Any]:
    return {"type": "SCHEDULED", "state_details": {"scheduled_time": time.isoformat()}}


class FlowRuns:
    """Four flow runs of a deployment's flow.

    `a` is RUNNING and has a task run that stands for `b`, which is scheduled for a far day; `c` is of the deployment
    and scheduled for a day after that; `D` was scheduled long ago, and CANCELLED.
    """

    def __init__(self, api: httpx.Client) -> None:
        self.api = api
        self.deployment = new_deployment(api)
        self.flow_id = self.deployment["flow_id"]
        self.a = self._new("a", state={"type": "RUNNING"}, idempotency_key="key a")
        self.task_run = new_task_run(api, self.a["id"], name=unique("task"))
        self.b = self._new("b", state=scheduled(FAR), parent_task_run_id=self.task_run["id"], flow_version="1")
        self.c = self._new("c", state=scheduled(FAR + timedelta(days=1)), deployment_id=self.deployment["id"])
        self.d = self._new("D", state=scheduled(LONG_AGO), tags=["x"])
        set_state(api, f"/flow_runs/{self.d['id']}", "CANCELLED")

    def _new(self, name: str, **fields: Any) -> Any:
        return new_flow_run(self.api, flow_id=self.flow_id, name=name, **fields)

    def ask(self, path: str, **body: Any) -> httpx.Response:
        """POST to the path, about these flow runs only."""
        return self.api.post(f"/flow_runs/{path}", json={"flows": {"id": {"any_": [self.flow_id]}}, **body})

    def names(self, **body: Any) -> str:
        """The names of what is found, by name; as many must be counted."""
        found = self.ask("filter", sort="NAME_ASC", **body).json()
        assert self.ask("count", **body).json() == len(found), found
        return "".join(x["name"] for x in found)


@pytest.fixture(scope="module")
def runs(api: httpx.Client) -> FlowRuns:
    return FlowRuns(api)


def test_a_found_run_is_the_run_as_it_is_read(runs: FlowRuns) -> None:
    """With its state, its parameters and all else."""
    (found,) = runs.ask("filter", flow_runs={"id": {"any_": [runs.c["id"]]}}).json()
    read = runs.api.get(f"/flow_runs/{runs.c['id']}").json()
    assert found == read
    assert list(found) == list(read)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, "Dabc"),
        ({"name": {"like_": "d"}}, "D"),
        ({"name": {"any_": ["a", "d"]}}, "a"),
        ({"tags": {"all_": ["x"]}}, "D"),
        ({"tags": {"is_null_": True}}, "abc"),
        ({"tags": {"any_": ["x", "y"]}}, "D"),
        ({"tags": {"any_": []}}, ""),
        ({"deployment_id": {"is_null_": False}}, "c"),
        ({"deployment_id": {"is_null_": True}}, "Dab"),
        ({"work_queue_name": {"is_null_": True}}, "Dabc"),
        ({"work_queue_name": {"any_": ["none"]}}, ""),
        ({"state": {"type": {"any_": ["CANCELLED"]}}}, "D"),
        ({"state": {"name": {"any_": ["Scheduled"]}}}, "bc"),
        ({"state": {"name": {"not_any_": ["Scheduled"]}}}, "Da"),
        ({"state": {"type": {"not_any_": ["RUNNING", "CANCELLED"]}}}, "bc"),
        ({"flow_version": {"any_": ["1"]}}, "b"),
        ({"start_time": {"is_null_": False}}, "a"),
        ({"end_time": {"is_null_": True}}, "Dabc"),
        ({"end_time": {"after_": "2020-01-01T00:00:00Z"}}, ""),
        ({"created_by": {"is_null_": False}}, ""),
        ({"created_by": {"type_": ["AUTOMATION"], "id_": [NOWHERE]}}, ""),
        ({"expected_start_time": {"after_": "2040-01-01T00:00:00Z"}}, "bc"),
        ({"expected_start_time": {"before_": "2020-01-01T00:00:00Z"}}, "D"),
        ({"next_scheduled_start_time": {"before_": "2040-01-01T01:00:00+01:00"}}, "b"),
        ({"parent_task_run_id": {"is_null_": False}}, "b"),
        ({"idempotency_key": {"any_": ["key a"]}}, "a"),
        ({"idempotency_key": {"not_any_": []}}, "Dabc"),
        ({"id": {"any_": [NOWHERE]}}, ""),
    ],
)
def test_flow_runs_are_found_by_what_they_are(runs: FlowRuns, asked: Any, names: str) -> None:
    """Each part of the filter as the wire spells it."""
    assert runs.names(flow_runs=asked) == names


def test_flow_runs_are_found_by_what_is_around_them(runs: FlowRuns) -> None:
    """Their parents, task runs, deployments and work pools."""
    assert runs.names(flow_runs={"parent_flow_run_id": {"any_": [runs.a["id"]]}}) == "b"
    assert runs.names(flow_runs={"id": {"not_any_": [runs.a["id"], runs.b["id"]]}}) == "Dc"
    assert runs.names(task_runs={}) == "a"
    assert runs.names(task_runs={"name": {"any_": ["none"]}}) == ""
    assert runs.names(deployments={}) == "c"
    assert runs.names(deployments={"is_schedule_active": {"eq_": True}, "paused": {"eq_": False}}) == "c"
    assert runs.names(deployments={"paused": {"eq_": True}}) == ""
    assert runs.names(work_pools={}) == ""
    assert runs.names(work_pool_queues={"name": {"startswith_": ["a"]}}) == ""


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        (None, "Dcba"),
        ("NAME_DESC", "cbaD"),
        ("START_TIME_ASC", "Dabc"),
        ("START_TIME_DESC", "cbaD"),
        ("EXPECTED_START_TIME_ASC", "Dabc"),
        ("NEXT_SCHEDULED_START_TIME_ASC", "aDbc"),
        ("END_TIME_DESC", "Dcba"),
    ],
)
def test_flow_runs_come_in_an_order(runs: FlowRuns, sort: str | None, names: str) -> None:
    """By start time, those to come count by when they are due."""
    assert "".join(x["name"] for x in runs.ask("filter", sort=sort).json()) == names


def test_a_history_of_flow_runs_knows_their_queues(runs: FlowRuns) -> None:
    """It is filtered like the rest, though the queues go by another name."""
    times = {"history_start": FAR.isoformat(), "history_end": FAR.isoformat(), "history_interval_seconds": 60}
    (interval,) = runs.ask("history", **times).json()
    assert [(x["state_type"], x["count_runs"]) for x in interval["states"]] == [("SCHEDULED", 1)]
    (interval,) = runs.ask("history", **times, work_queues={}).json()
    assert interval["states"] == []


def test_lateness_is_an_average(runs: FlowRuns) -> None:
    """Of runs that are late, in time and ended before they started; there is none of no runs."""
    late = new_flow_run(runs.api, state=scheduled(datetime.now(UTC) - timedelta(hours=1)))
    asked = {"flow_runs": {"id": {"any_": [late["id"], runs.c["id"]]}}}
    assert runs.api.post("/flow_runs/lateness", json=asked).json() == pytest.approx(1800, abs=60)
    assert runs.ask("lateness", flow_runs={"name": {"any_": ["b", "c", "D"]}}).json() == 0.0
    assert runs.ask("lateness", flow_runs={"id": {"any_": []}}).json() is None


def test_a_filter_that_is_none_is_refused(api: httpx.Client) -> None:
    """With the place where it went wrong."""
    answer = api.post("/flow_runs/lateness", json={"flow_runs": {"state": {"type": ["RUNNING"]}}})
    assert answer.status_code == 422
    assert answer.json()["exception_detail"][0]["loc"] == ["body", "flow_runs", "state", "type"]
