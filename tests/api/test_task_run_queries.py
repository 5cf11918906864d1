"""Task runs by filters, counts and histories, over HTTP. What filters mean is tested with the store."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.api.records import NOWHERE, new_flow_run, new_task_run, set_state, unique

FAR = datetime(2040, 1, 1, tzinfo=UTC)
GOING = {"type": "RUNNING", "name": "Going", "message": "It is on its way"}


class TaskRuns:
    """Four task runs under a tag of their own.

    `a` is RUNNING, has a custom state name and stands for a subflow; `B` and `c_d` are scheduled for a second and a
    minute after a far day; `e` is COMPLETED and without a flow run.
    """

    def __init__(self, api: httpx.Client) -> None:
        self.api = api
        self.tag = unique("tag")
        self.flow_run = new_flow_run(api, name=unique("run"), tags=[self.tag])
        self.a = self._new("a", GOING, tags=["x"])
        self.b = self._new("B", self._scheduled(1), tags=["x", "y"])
        self.c = self._new("c_d", self._scheduled(60))
        self.e = self._new("e", {"type": "COMPLETED"}, flow_run_id=None)
        self.subflow_run = new_flow_run(api, parent_task_run_id=self.a["id"], state=GOING)

    def _scheduled(self, seconds: int) -> dict[str, Any]:
        details = {"scheduled_time": (FAR + timedelta(seconds=seconds)).isoformat()}
        return {"type": "SCHEDULED", "state_details": details}

    def _new(self, name: str, state: dict[str, Any], **fields: Any) -> Any:
        tags = [self.tag, *fields.pop("tags", [])]
        flow_run_id = fields.pop("flow_run_id", self.flow_run["id"])
        return new_task_run(self.api, flow_run_id, name=name, state=state, tags=tags, **fields)

    def ask(self, path: str, **body: Any) -> httpx.Response:
        """POST to the path, about these task runs only."""
        own = {"tags": {"all_": [self.tag]}} | body.pop("task_runs", {})
        return self.api.post(f"/task_runs/{path}", json={"task_runs": own, **body})

    def names(self, **body: Any) -> str:
        """The names of what is found, by name; as many must be counted."""
        found = self.ask("filter", sort="NAME_ASC", **body).json()
        assert self.ask("count", **body).json() == len(found), found
        return " ".join(x["name"] for x in found)


@pytest.fixture(scope="module")
def runs(api: httpx.Client) -> TaskRuns:
    return TaskRuns(api)


def test_a_found_run_is_the_run_as_it_is_read(runs: TaskRuns) -> None:
    """With its state, its inputs and all else, but for what goes on with time."""
    (found,) = runs.ask("filter", task_runs={"id": {"any_": [runs.b["id"]]}}).json()
    read = runs.api.get(f"/task_runs/{runs.b['id']}").json()
    assert found.pop("estimated_start_time_delta") <= read.pop("estimated_start_time_delta")
    assert found == read
    assert list(found) == list(read)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, "B a c_d e"),
        ({"name": {"any_": ["B", "E"]}}, "B"),
        ({"name": {"like_": "B"}}, "B"),
        ({"name": {"like_": "C_"}}, "c_d"),
        ({"state": {"type": {"any_": ["RUNNING", "COMPLETED"]}}}, "a e"),
        ({"state": {"name": {"any_": ["Going"]}}}, "a"),
        ({"state": {"message": {"like_": "ON ITS"}}}, "a"),
        ({"state": {"message": {}}}, "B a c_d e"),
        ({"state": {"operator": "or_", "type": {"any_": ["COMPLETED"]}, "name": {"any_": ["Going"]}}}, "a e"),
        ({"start_time": {"is_null_": True}}, "B c_d e"),
        ({"start_time": {"after_": "2020-01-01T00:00:00Z", "before_": "2039-01-01T00:00:00Z"}}, "a"),
        ({"subflow_runs": {"exists_": True}}, "a"),
        ({"subflow_runs": {"exists_": False}}, "B c_d e"),
        ({"flow_run_id": {"is_null_": True, "any_": [NOWHERE]}}, "e"),
        ({"flow_run_id": {"any_": [NOWHERE]}}, ""),
        ({"id": {"any_": []}}, ""),
        ({"id": {"any_": None}}, "B a c_d e"),
    ],
)
def test_task_runs_are_found_by_what_they_are(runs: TaskRuns, asked: Any, names: str) -> None:
    """Each part of the filter as the wire spells it."""
    assert runs.names(task_runs=asked) == names


def test_tags_go_together_by_the_operator(runs: TaskRuns) -> None:
    """All of the tags must be there; with `or_`, none at all will do as well."""
    own = [runs.tag, "x"]
    assert runs.names(task_runs={"tags": {"all_": own}}) == "B a"
    assert runs.names(task_runs={"tags": {"all_": [*own, "y"], "is_null_": False}}) == "B"
    assert runs.names(task_runs={"tags": {"all_": own, "is_null_": True}}) == ""
    others = {"tags": {"all_": own, "is_null_": True, "operator": "or_"}, "name": {"any_": ["a", "B"]}}
    assert runs.names(task_runs=others) == "B a"


def test_the_parts_go_together_by_the_operator(runs: TaskRuns) -> None:
    """Any part will do with `or_`, and a part that asks for nothing holds for all."""
    mine = {"flow_run_id": {"any_": [runs.flow_run["id"]]}, "tags": {"all_": [runs.tag, "y"]}}
    assert runs.names(task_runs=mine) == "B"
    assert runs.names(task_runs=mine | {"operator": "or_"}) == "B a c_d"
    everything = runs.api.post("/task_runs/count", json={}).json()
    assert runs.ask("count", task_runs=mine | {"operator": "or_", "id": {}}).json() == everything


def test_task_runs_are_found_by_their_flow_runs(runs: TaskRuns) -> None:
    """An empty filter still drops those without one, and what is asked must hold for the flow run of the task run."""
    assert runs.names(flow_runs={}) == "B a c_d"
    assert runs.names(flows={}) == "B a c_d"
    assert runs.names(deployments={}) == ""
    assert runs.names(flow_runs={"id": {"any_": [runs.flow_run["id"]]}}) == "B a c_d"
    assert runs.names(flow_runs={"id": {"not_any_": [runs.flow_run["id"]]}}) == ""
    assert runs.names(flows={"id": {"any_": [runs.flow_run["flow_id"]]}}) == "B a c_d"
    assert runs.names(flows={"id": {"any_": [NOWHERE]}}) == ""


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        (None, "e c_d B a"),
        ("ID_DESC", "e c_d B a"),
        ("NAME_ASC", "B a c_d e"),
        ("NAME_DESC", "e c_d a B"),
        ("EXPECTED_START_TIME_ASC", "a e B c_d"),
        ("EXPECTED_START_TIME_DESC", "c_d B e a"),
        ("NEXT_SCHEDULED_START_TIME_ASC", "a e B c_d"),
        ("END_TIME_DESC", "e c_d B a"),
    ],
)
def test_task_runs_come_in_an_order(runs: TaskRuns, sort: str | None, names: str) -> None:
    """The newest first unless it is said otherwise. What has no value comes first, and with DESC last."""
    assert " ".join(x["name"] for x in runs.ask("filter", sort=sort).json()) == names


def test_pages_follow_each_other(runs: TaskRuns) -> None:
    """A limit of 0 gives an empty page."""
    pages = [
        runs.ask("filter", sort="NAME_ASC", limit=limit, offset=offset).json() for limit, offset in ((3, 0), (3, 3))
    ]
    assert [[x["name"] for x in page] for page in pages] == [["B", "a", "c_d"], ["e"]]
    assert runs.ask("filter", limit=0).json() == []
    assert runs.ask("filter", offset=4).json() == []
    assert runs.ask("filter", offset=10**20).json() == []


@pytest.mark.parametrize(
    ("limit", "detail"),
    [
        (-1, "Invalid limit: must be greater than or equal to 0."),
        (201, "Invalid limit: must be less than or equal to 200."),
    ],
)
def test_a_page_has_its_limits(runs: TaskRuns, limit: int, detail: str) -> None:
    """At most 200, which is also the default."""
    answer = runs.ask("filter", limit=limit)
    assert (answer.status_code, answer.json()) == (422, {"detail": detail})
    assert runs.ask("filter", limit=200).status_code == 200


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({"offset": -1}, ["offset"]),
        ({"sort": "SIZE_ASC"}, ["sort"]),
        ({"task_runs": {"id": {"any_": ["no id"]}}}, ["task_runs", "id", "any_", 0]),
        ({"task_runs": {"id": {"all_": []}}}, ["task_runs", "id", "all_"]),
        ({"task_runs": {"color": {}}}, ["task_runs", "color"]),
        ({"task_runs": {"state": {"type": {"any_": ["DONE"]}}}}, ["task_runs", "state", "type", "any_", 0]),
        ({"flow_runs": {"operator": "xor_"}}, ["flow_runs", "operator"]),
    ],
)
def test_a_filter_that_is_none_is_refused(api: httpx.Client, body: Any, location: list[Any]) -> None:
    """With the place where it went wrong."""
    answer = api.post("/task_runs/filter", json=body)
    assert answer.status_code == 422
    assert answer.json()["exception_detail"][0]["loc"] == ["body", *location]


def test_what_is_not_known_at_the_top_is_ignored(runs: TaskRuns) -> None:
    """So is a body that is null, or none at all."""
    assert runs.names(artifacts={"color": "blue"}) == "B a c_d e"
    for request in ({"content": b"null"}, {}):
        assert runs.api.post("/task_runs/count", **request).json() >= 4  # type: ignore[arg-type]


def history(runs: TaskRuns, start: datetime, end: datetime, seconds: Any, **body: Any) -> httpx.Response:
    times = {"history_start": start.isoformat(), "history_end": end.isoformat()}
    return runs.ask("history", **times, history_interval_seconds=seconds, **body)


def test_a_history_counts_by_interval_and_state(runs: TaskRuns) -> None:
    """Runs belong to the interval in which they are expected to start; empty intervals are there as well."""
    answer = history(runs, FAR, FAR + timedelta(seconds=61), 30).json()
    scheduled = {
        "state_type": "SCHEDULED",
        "state_name": "Scheduled",
        "count_runs": 1,
        "sum_estimated_run_time": 0.0,
        "sum_estimated_lateness": 0.0,
    }
    edges = [(FAR + timedelta(seconds=x)).isoformat() for x in (0, 30, 60, 90)]
    assert answer == [
        {"interval_start": edges[0], "interval_end": edges[1], "states": [scheduled]},
        {"interval_start": edges[1], "interval_end": edges[2], "states": []},
        {"interval_start": edges[2], "interval_end": edges[3], "states": [scheduled]},
    ]


def test_a_history_counts_what_runs_now(runs: TaskRuns) -> None:
    """The time since a run went to RUNNING counts as run time."""
    start = datetime.fromisoformat(runs.a["expected_start_time"]) - timedelta(minutes=1)
    asked = {"name": {"any_": ["a"]}}
    (interval,) = history(runs, start, start + timedelta(minutes=2), 600, task_runs=asked).json()
    (state,) = interval["states"]
    assert (state["state_type"], state["state_name"], state["count_runs"]) == ("RUNNING", "Going", 1)
    assert state["sum_estimated_run_time"] > 0


def test_a_history_has_500_intervals_at_most(runs: TaskRuns) -> None:
    """And at least one."""
    assert len(history(runs, FAR, FAR + timedelta(days=1), 1).json()) == 500
    assert len(history(runs, FAR, FAR - timedelta(days=1), 1).json()) == 1


@pytest.mark.parametrize(
    ("seconds", "width"), [("90", 90), ("PT1H", 3600), ("01:00:00", 3600), (1.0005, 1.001), (True, 1)]
)
def test_an_interval_has_many_spellings(runs: TaskRuns, seconds: Any, width: float) -> None:
    """Seconds, ISO 8601 or a clock, to the millisecond."""
    first = history(runs, FAR, FAR, seconds).json()[0]
    assert datetime.fromisoformat(first["interval_end"]) - FAR == timedelta(seconds=width)


def test_a_history_starts_on_a_millisecond(runs: TaskRuns) -> None:
    """In UTC, whatever offset the start came with."""
    start = datetime.fromisoformat("2040-01-01T02:00:00.123500+02:00")
    assert history(runs, start, start, 60).json()[0]["interval_start"] == "2040-01-01T00:00:00.124000+00:00"


@pytest.mark.parametrize("seconds", [0, 0.999, -60])
def test_an_interval_is_not_too_short(runs: TaskRuns, seconds: float) -> None:
    """A second at least."""
    answer = history(runs, FAR, FAR, seconds)
    assert (answer.status_code, answer.json()) == (422, {"detail": "History interval must not be less than 1 second."})


def test_an_interval_ends_within_the_calendar(runs: TaskRuns) -> None:
    """One that would end after the year 9999 is refused."""
    answer = history(runs, FAR, FAR, 10**12)
    assert (answer.status_code, answer.json()) == (422, {"detail": "History interval is too long."})


def test_a_history_needs_its_times(api: httpx.Client) -> None:
    """All three are named where they are missing."""
    errors = api.post("/task_runs/history", json={"history_start": None}).json()["exception_detail"]
    missing = ["history_start", "history_end", "history_interval_seconds"]
    assert [(x["loc"], x["msg"]) for x in errors] == [(["body", x], "field required") for x in missing]


def test_counts_follow_the_states(api: httpx.Client) -> None:
    """A run is counted in the state that it is in now."""
    run = new_task_run(api, new_flow_run(api)["id"])
    mine = {"task_runs": {"id": {"any_": [run["id"]]}, "state": {"type": {"any_": ["COMPLETED"]}}}}
    assert api.post("/task_runs/count", json=mine).json() == 0
    set_state(api, f"/task_runs/{run['id']}", "COMPLETED")
    assert api.post("/task_runs/count", json=mine).json() == 1
