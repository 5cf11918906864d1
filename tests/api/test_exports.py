"""Exports over HTTP: all that is asked for, spelled as everywhere else, in each format."""

import csv
import io
import json
import sys
from datetime import UTC, datetime
from typing import Any, NamedTuple

import httpx
import pyarrow.parquet as pq
import pytest

from interlock.api import exports
from interlock.api.schemas.exports import ExportFormat, ExportUnavailableError, encoder
from interlock.storage.queries.exports import TASK_RUN_ROWS
from tests.api.records import new_flow_run, new_task_run, unique

ONGOING = {"estimated_run_time", "estimated_start_time_delta"}
NESTED = (
    *("empirical_policy", "tags", "labels", "task_inputs", "parameters", "context", "created_by", "job_variables"),
    *("state_data", "state_details"),
)
STATES = (
    {"type": "SCHEDULED", "state_details": {"scheduled_time": "2040-01-01T00:00:00.5+02:00", "cache_key": "ü"}},
    {"type": "COMPLETED", "message": 'said "so",\nand so', "data": {"type": "unpersisted", "n": [1, None, 0.5]}},
    {"type": "RUNNING", "name": "Going"},
)


class Twelve(NamedTuple):
    """Runs that have a tag which others have not: of which kind they are, and the tag."""

    noun: str
    tag: str

    @property
    def filter(self) -> dict[str, Any]:
        return {self.noun: {"tags": {"all_": [self.tag]}}}

    @property
    def file_name(self) -> str:
        return self.noun.replace("_", "-")


@pytest.fixture(scope="module", params=["task_runs", "flow_runs"])
def twelve(request: pytest.FixtureRequest, api: httpx.Client) -> Twelve:
    """Twelve runs of a kind, of which most have something that others have not."""
    own = unique("tag")
    owner = new_flow_run(api)
    for number in range(12):
        labels, tags = {"n": number, "ü": "😀"}, [own, 'a "b", c'][: 1 + number % 2]
        given = {"tags": tags, "labels": labels, "empirical_policy": {"retries": number}}
        given |= {"name": f"run, {number}", "state": STATES[number % 3]}
        if request.param == "task_runs":
            inputs = {"x": [{"input_type": "constant", "type": "int"}]} if number % 2 else {}
            new_task_run(api, owner["id"], task_inputs=inputs, **given)
        else:
            more = {"parameters": {"x": [number, None, "é"]}, "idempotency_key": unique("key")} if number % 2 else {}
            new_flow_run(api, flow_id=owner["flow_id"], context={"n": number}, **more, **given)
    return Twelve(request.param, own)


def export(api: httpx.Client, twelve: Twelve, **body: Any) -> httpx.Response:
    return api.post(f"/{twelve.noun}/export", json={**twelve.filter, **body})


def found(api: httpx.Client, twelve: Twelve) -> list[dict[str, Any]]:
    """The same runs by the filter, in the order of their ids."""
    runs = api.post(f"/{twelve.noun}/filter", json=twelve.filter).json()
    assert len(runs) == 12
    return [{k: x[k] for k in x if k not in ONGOING} for x in reversed(runs)]


def flat(run: dict[str, Any]) -> dict[str, Any]:
    """What a table has of a run: its state's own fields beside the run's, nested ones as JSON still to be read."""
    state = run["state"]
    more = {f"state_{x}": state[x] for x in ("timestamp", "message", "data")}
    return {k: v for k, v in run.items() if k != "state"} | more


def cell(name: str, value: Any) -> Any:
    """A value in a table of text, but for one that is nested."""
    if value is None:
        return ""
    return value if name in NESTED else str(value).lower() if isinstance(value, bool) else str(value)


def test_lines_are_the_answers_of_the_filter(api: httpx.Client, twelve: Twelve) -> None:
    """Field by field in the same order, one run a line, as is the default."""
    answer = export(api, twelve)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-disposition"] == f'attachment; filename="{twelve.file_name}.ndjson"'
    runs = [json.loads(x) for x in answer.text.splitlines()]
    whole = api.post(f"/{twelve.noun}/filter", json={"limit": 1}).json()[0]
    assert [list(x) for x in runs] == [list(whole)] * 12
    assert [list(x["state"]["state_details"]) for x in runs] == [list(whole["state"]["state_details"])] * 12
    assert [{k: x[k] for k in x if k not in ONGOING} for x in runs] == found(api, twelve)


def test_a_table_of_text_has_a_line_a_run(api: httpx.Client, twelve: Twelve) -> None:
    """Under a line of names; nothing stands for null."""
    answer = export(api, twelve, format="csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{twelve.file_name}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    for row, run in zip(rows, found(api, twelve), strict=True):
        expected = flat(run)
        read = {k: json.loads(v) if k in NESTED and v else v for k, v in row.items()}
        read.pop("state_details")
        assert read == {k: cell(k, v) for k, v in expected.items()}


def test_a_table_in_parquet_has_types(api: httpx.Client, twelve: Twelve) -> None:
    """Times are times and numbers are numbers; lists and objects are JSON."""
    answer = export(api, twelve, format="parquet")
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    rows = pq.read_table(io.BytesIO(answer.content)).to_pylist()
    for row, run in zip(rows, found(api, twelve), strict=True):
        expected = flat(run)
        read = {k: json.loads(v) if k in NESTED and v else v for k, v in row.items()}
        read.pop("state_details")
        times = {k: v.isoformat() for k, v in read.items() if isinstance(v, datetime)}
        assert all(x.endswith("+00:00") for x in times.values())
        assert read | times == expected


@pytest.mark.parametrize("kind", list(ExportFormat))
@pytest.mark.parametrize("noun", ["task_runs", "flow_runs"])
def test_nothing_makes_an_empty_document(api: httpx.Client, noun: str, kind: str) -> None:
    """One that can be read."""
    answer = export(api, Twelve(noun, unique("none")), format=kind)
    assert answer.status_code == 200
    if kind == "csv":
        assert answer.text.startswith("id,created,updated,name,")
        assert answer.text.count("\n") == 1
    elif kind == "parquet":
        assert pq.read_table(io.BytesIO(answer.content)).num_rows == 0
    else:
        assert answer.content == b""


@pytest.mark.parametrize("kind", list(ExportFormat))
def test_a_document_is_the_same_however_many_pages_it_takes(
    api: httpx.Client, twelve: Twelve, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No run is lost or doubled between them."""
    whole = export(api, twelve, format=kind).content
    monkeypatch.setattr(exports, "ROWS_A_PAGE", 5)
    in_pages = export(api, twelve, format=kind).content
    if kind == "parquet":
        assert pq.read_table(io.BytesIO(in_pages)) == pq.read_table(io.BytesIO(whole))
    else:
        assert in_pages.count(b"\n") == whole.count(b"\n")
        assert len(in_pages.splitlines()) == len(whole.splitlines())


def test_a_client_that_goes_away_ends_it(api: httpx.Client, twelve: Twelve, monkeypatch: pytest.MonkeyPatch) -> None:
    """And others are served meanwhile and afterwards."""
    monkeypatch.setattr(exports, "ROWS_A_PAGE", 1)
    with api.stream("POST", f"/{twelve.noun}/export", json={}) as answer:
        assert next(answer.iter_lines())
        assert export(api, twelve).status_code == 200
    assert export(api, twelve).status_code == 200


@pytest.mark.parametrize(
    "asked",
    [
        *({"flows": {"name": {"any_": [unique("flow")]}}}, {"deployments": {}}, {"task_runs": {}}),
        *({"work_pools": {}}, {"work_pool_queues": {"name": {"any_": ["default"]}}}),
    ],
)
def test_flow_runs_are_asked_for_as_by_the_filter(api: httpx.Client, asked: Any) -> None:
    """By everything around them, too."""
    new_flow_run(api)
    runs = api.post("/flow_runs/filter", json=asked).json()
    lines = api.post("/flow_runs/export", json=asked).text.splitlines()
    assert [json.loads(x)["id"] for x in lines] == [x["id"] for x in reversed(runs)]


@pytest.mark.parametrize("noun", ["task_runs", "flow_runs"])
@pytest.mark.parametrize(
    ("body", "location"), [({"format": "xml"}, ["format"]), ({"flow_runs": {"color": {}}}, ["flow_runs", "color"])]
)
def test_what_makes_no_sense_is_refused(api: httpx.Client, noun: str, body: Any, location: list[str]) -> None:
    """Before anything is sent, with the place where it went wrong."""
    answer = api.post(f"/{noun}/export", json=body)
    assert answer.status_code == 422
    assert answer.json()["exception_detail"][0]["loc"] == ["body", *location]


def test_parquet_without_pyarrow_tells_what_to_install(
    api: httpx.Client, twelve: Twelve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other formats do without."""
    monkeypatch.setitem(sys.modules, "interlock.api.schemas.parquet", None)
    answer = export(api, twelve, format="parquet")
    assert answer.status_code == 501
    assert answer.json() == {"detail": "Parquet needs pyarrow: pip install 'interlock[parquet]'."}
    assert export(api, twelve, format="csv").status_code == 200
    with pytest.raises(ExportUnavailableError, match="pip install"):
        encoder(ExportFormat.parquet, TASK_RUN_ROWS, lambda: datetime.now(UTC))
