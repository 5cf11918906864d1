"""Exports on the wire: many runs as lines of JSON, as CSV or as Parquet.

What lives here: the formats, and how rows become bytes in the first two. What does not: Parquet (parquet.py), and where
the rows come from (api/exports.py).
"""

import csv
import io
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import msgspec
import orjson
from sqlalchemy import Boolean, ColumnElement

from interlock.api.schemas.base import Answer, timestamp
from interlock.api.schemas.flow_runs import FlowRunAnswer
from interlock.api.schemas.states import encode_details
from interlock.api.schemas.task_runs import TaskRunAnswer, seconds_late, seconds_run
from interlock.orchestration.states import StateDetails
from interlock.storage.queries.exports import FLOW_RUN_ROWS, TASK_RUN_ROWS, RunRows
from interlock.storage.types import JsonText, UtcTime

Rows = Sequence[Sequence[Any]]
"""Rows of a document's columns and something more, which is left out."""

_ANSWERS: dict[str, type[Answer]] = {
    TASK_RUN_ROWS.runs.name: TaskRunAnswer,
    FLOW_RUN_ROWS.runs.name: FlowRunAnswer,
}
_details = msgspec.json.Decoder(StateDetails)
_USUAL_DETAILS = encode_details(StateDetails())


class ExportFormat(StrEnum):
    """How runs are written down."""

    ndjson = "ndjson"
    csv = "csv"
    parquet = "parquet"

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES[self]


_MEDIA_TYPES = {
    ExportFormat.ndjson: "application/x-ndjson",
    ExportFormat.csv: "text/csv; charset=utf-8",
    ExportFormat.parquet: "application/vnd.apache.parquet",
}


class ExportUnavailableError(Exception):
    """The format needs a package that is not installed; says which."""


class Encoder(Protocol):
    """Makes one document of rows that come page by page."""

    def page(self, rows: Rows) -> bytes:
        """What the document goes on with; may hold back some of it."""
        ...

    def end(self) -> bytes:
        """What the document ends with."""
        ...


def encoder(wanted: ExportFormat, kind: RunRows, clock: Callable[[], datetime]) -> Encoder:
    """An encoder for a new document of runs of a kind; raises ExportUnavailableError."""
    if wanted is ExportFormat.ndjson:
        return JsonLines(kind, clock)
    if wanted is ExportFormat.csv:
        return Csv(kind)
    try:
        from interlock.api.schemas.parquet import Parquet
    except ImportError as error:
        raise ExportUnavailableError("Parquet needs pyarrow: pip install 'interlock[parquet]'") from error
    return Parquet(kind)


class JsonLines:
    """A run a line, spelled as in all answers."""

    def __init__(self, kind: RunRows, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._names = tuple(kind.columns)
        self._json = [x for x, column in kind.columns.items() if _is_json(column) and x not in _JSON_OF_STATES]
        self._fields = dict.fromkeys(_ANSWERS[kind.runs.name].model_fields)

    def page(self, rows: Rows) -> bytes:
        now = self._clock()
        return b"".join([orjson.dumps(self._answer(x, now), option=orjson.OPT_APPEND_NEWLINE) for x in rows])

    def end(self) -> bytes:
        return b""

    def _answer(self, row: Sequence[Any], now: datetime) -> dict[str, Any]:
        """As encode_task_run and encode_flow_run, which take twice as long: JSON texts are passed on as they are
        stored."""
        answer: dict[str, Any] = self._fields | dict(zip(self._names, row, strict=False))
        for name in self._json:
            if (text := answer[name]) is not None:
                answer[name] = orjson.Fragment(text)
        state_type, since = answer["state_type"], answer["state_timestamp"]
        late = seconds_late(answer["expected_start_time"], answer["start_time"], state_type, now)
        answer["estimated_run_time"] = seconds_run(answer["total_run_time"], state_type, since, now)
        answer["estimated_start_time_delta"] = late
        answer["state"] = _popped_state(answer)
        return answer


_JSON_OF_STATES = ("state_data", "state_details")


def _is_json(column: ColumnElement[Any]) -> bool:
    return isinstance(column.type, JsonText)


def _passed_on(text: str | None) -> orjson.Fragment | None:
    return None if text is None else orjson.Fragment(text)


def _popped_state(answer: dict[str, Any]) -> dict[str, Any] | None:
    """The state, of which an answer has hardly anything beside it, as a table has."""
    since, message = answer.pop("state_timestamp"), answer.pop("state_message")
    data, details = answer.pop("state_data"), answer.pop("state_details")
    return answer["state_id"] and {
        "id": answer["state_id"],
        "type": answer["state_type"],
        "name": answer["state_name"],
        "timestamp": since,
        "message": message,
        "data": _passed_on(data),
        "state_details": _spelled(details),
    }


def _spelled(details: str) -> Any:
    """A state's details in the wire's spelling: what is as usual is not stored, and times are stored in another."""
    if '"scheduled_time"' in details or '"cache_expiration"' in details or '"pause_timeout"' in details:
        return encode_details(_details.decode(details))
    return _USUAL_DETAILS | orjson.loads(details)


class Csv:
    """A run a line, under a line of names. Lists and objects are JSON, and so are true and false; nothing stands for
    null."""

    def __init__(self, kind: RunRows) -> None:
        self._begun = False
        self._names = tuple(kind.columns)
        spelling = (_SPELLED.get(type(x.type)) for x in kind.columns.values())
        self._spelled = [(place, spell) for place, spell in enumerate(spelling) if spell]

    def page(self, rows: Rows) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text)
        if not self._begun:
            writer.writerow(self._names)
            self._begun = True
        writer.writerows(map(self._cells, rows))
        return text.getvalue().encode()

    def end(self) -> bytes:
        return b"" if self._begun else self.page([])

    def _cells(self, row: Sequence[Any]) -> list[Any]:
        cells = list(row[: len(self._names)])
        for place, spell in self._spelled:
            if cells[place] is not None:
                cells[place] = spell(cells[place])
        return cells


def _truth(value: bool) -> str:
    return "true" if value else "false"


_SPELLED: dict[type, Callable[[Any], str]] = {UtcTime: timestamp, Boolean: _truth}
