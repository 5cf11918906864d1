"""Exports over HTTP: all that is asked for, spelled as everywhere else, in each format."""

import csv
import io
import json
import sys
from datetime import UTC, datetime
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from interlock.api import exports
from interlock.api.schemas.exports import ExportFormat, ExportUnavailableError, encoder
from tests.api.records import new_flow_run, new_task_run, unique

ONGOING = {"estimated_run_time", "estimated_start_time_delta"}
NESTED = ("empirical_policy", "tags", "labels", "task_inputs", "state_data", "state_details")
STATES = (
    {"type": "SCHEDULED", "state_details": {"scheduled_time": "2040-01-01T00:00:00.5+02:00", "cache_key": "ü"}},
    {"type": "COMPLETED", "message": 'said "so",\nand so', "data": {"type": "unpersisted", "n": [1, None, 0.5]}},
    {"type": "RUNNING", "name": "Going"},
)


@pytest.fixture(scope="module")
def tag(api: httpx.Client) -> str:
    """A tag of twelve task runs, of which most have something that others have not."""
    own = unique("tag")
    run = new_flow_run(api)
    for number in range(12):
        inputs = {"x": [{"input_type": "constant", "type": "int"}]} if number % 2 else {}
        labels, tags = {"n": number, "ü": "😀"}, [own, 'a "b", c'][: 1 + number % 2]
        given = {"tags": tags, "labels": labels, "task_inputs": inputs, "empirical_policy": {"retries": number}}
        new_task_run(api, run["id"], name=f"run, {number}", state=STATES[number % 3], **given)
    return own


def export(api: httpx.Client, tag: str, **body: Any) -> httpx.Response:
    return api.post("/task_runs/export", json={"task_runs": {"tags": {"all_": [tag]}}, **body})


def found(api: httpx.Client, tag: str) -> list[dict[str, Any]]:
    """The same task runs by the filter, in the order of their ids."""
    runs = api.post("/task_runs/filter", json={"task_runs": {"tags": {"all_": [tag]}}}).json()
    assert len(runs) == 12
    return [{k: x[k] for k in x if k not in ONGOING} for x in reversed(runs)]


def flat(run: dict[str, Any]) -> dict[str, Any]:
    """What a table has of a task run: its state's own fields beside the run's, nested ones as JSON still to be read."""
    state = run["state"]
    more = {f"state_{x}": state[x] for x in ("timestamp", "message", "data")}
    return {k: v for k, v in run.items() if k != "state"} | more


def test_lines_are_the_answers_of_the_filter(api: httpx.Client, tag: str) -> None:
    """Field by field in the same order, one run a line, as is the default."""
    answer = export(api, tag)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-disposition"] == 'attachment; filename="task-runs.ndjson"'
    runs = [json.loads(x) for x in answer.text.splitlines()]
    whole = api.post("/task_runs/filter", json={"limit": 1}).json()[0]
    assert [list(x) for x in runs] == [list(whole)] * 12
    assert [list(x["state"]["state_details"]) for x in runs] == [list(whole["state"]["state_details"])] * 12
    assert [{k: x[k] for k in x if k not in ONGOING} for x in runs] == found(api, tag)


def test_a_table_of_text_has_a_line_a_run(api: httpx.Client, tag: str) -> None:
    """Under a line of names; nothing stands for null."""
    answer = export(api, tag, format="csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="task-runs.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    for row, run in zip(rows, found(api, tag), strict=True):
        expected = flat(run)
        read = {k: json.loads(v) if k in NESTED and v else v for k, v in row.items()}
        read.pop("state_details")
        plain = {k: "" if v is None else v if k in NESTED else str(v) for k, v in expected.items()}
        assert read == plain


def test_a_table_in_parquet_has_types(api: httpx.Client, tag: str) -> None:
    """Times are times and numbers are numbers; lists and objects are JSON."""
    answer = export(api, tag, format="parquet")
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    rows = pq.read_table(io.BytesIO(answer.content)).to_pylist()
    for row, run in zip(rows, found(api, tag), strict=True):
        expected = flat(run)
        read = {k: json.loads(v) if k in NESTED and v else v for k, v in row.items()}
        read.pop("state_details")
        times = {k: v.isoformat() for k, v in read.items() if isinstance(v, datetime)}
        assert all(x.endswith("+00:00") for x in times.values())
        assert read | times == expected


@pytest.mark.parametrize("kind", list(ExportFormat))
def test_nothing_makes_an_empty_document(api: httpx.Client, kind: str) -> None:
    """One that can be read."""
    answer = export(api, unique("none"), format=kind)
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
    api: httpx.Client, tag: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No run is lost or doubled between them."""
    whole = export(api, tag, format=kind).content
    monkeypatch.setattr(exports, "ROWS_A_PAGE", 5)
    in_pages = export(api, tag, format=kind).content
    if kind == "parquet":
        assert pq.read_table(io.BytesIO(in_pages)) == pq.read_table(io.BytesIO(whole))
    else:
        assert in_pages.count(b"\n") == whole.count(b"\n")
        assert len(in_pages.splitlines()) == len(whole.splitlines())


def test_a_client_that_goes_away_ends_it(api: httpx.Client, tag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And others are served meanwhile and afterwards."""
    monkeypatch.setattr(exports, "ROWS_A_PAGE", 1)
    with api.stream("POST", "/task_runs/export", json={}) as answer:
        assert next(answer.iter_lines())
        assert export(api, tag).status_code == 200
    assert export(api, tag).status_code == 200


@pytest.mark.parametrize(
    ("body", "location"), [({"format": "xml"}, ["format"]), ({"task_runs": {"color": {}}}, ["task_runs", "color"])]
)
def test_what_makes_no_sense_is_refused(api: httpx.Client, body: Any, location: list[str]) -> None:
    """Before anything is sent, with the place where it went wrong."""
    answer = api.post("/task_runs/export", json=body)
    assert answer.status_code == 422
    assert answer.json()["exception_detail"][0]["loc"] == ["body", *location]


def test_parquet_without_pyarrow_tells_what_to_install(
    api: httpx.Client, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other formats do without."""
    monkeypatch.setitem(sys.modules, "interlock.api.schemas.parquet", None)
    answer = export(api, tag, format="parquet")
    assert answer.status_code == 501
    assert answer.json() == {"detail": "Parquet needs pyarrow: pip install 'interlock[parquet]'."}
    assert export(api, tag, format="csv").status_code == 200
    with pytest.raises(ExportUnavailableError, match="pip install"):
        encoder(ExportFormat.parquet, lambda: datetime.now(UTC))
