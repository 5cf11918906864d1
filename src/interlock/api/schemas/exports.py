"""Exports on the wire: many task runs as lines of JSON, as CSV or as Parquet.

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

from interlock.api.schemas.base import timestamp
from interlock.api.schemas.states import encode_details
from interlock.api.schemas.task_runs import seconds_late, seconds_run
from interlock.orchestration.states import StateDetails
from interlock.storage.queries.exports import COLUMNS
from interlock.storage.types import UtcTime

Rows = Sequence[Sequence[Any]]
"""Rows of COLUMNS and something more, which is left out."""

_NAMES = tuple(COLUMNS)
_TIMES = [place for place, column in enumerate(COLUMNS.values()) if isinstance(column.type, UtcTime)]
_details = msgspec.json.Decoder(StateDetails)
_TIMES_IN_DETAILS = ('"scheduled_time":null', '"cache_expiration":null', '"pause_timeout":null')


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


def encoder(wanted: ExportFormat, clock: Callable[[], datetime]) -> Encoder:
    """An encoder for a new document; raises ExportUnavailableError."""
    if wanted is ExportFormat.ndjson:
        return JsonLines(clock)
    if wanted is ExportFormat.csv:
        return Csv()
    try:
        from interlock.api.schemas.parquet import Parquet
    except ImportError as error:
        raise ExportUnavailableError("Parquet needs pyarrow: pip install 'interlock[parquet]'") from error
    return Parquet()


class JsonLines:
    """A task run a line, spelled as in all answers."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def page(self, rows: Rows) -> bytes:
        now = self._clock()
        return b"".join([orjson.dumps(_answer(x, now), option=orjson.OPT_APPEND_NEWLINE) for x in rows])

    def end(self) -> bytes:
        return b""


def _answer(row: Sequence[Any], now: datetime) -> dict[str, Any]:
    """As encode_task_run, which takes twice as long: JSON texts are passed on as they are stored."""
    answer: dict[str, Any] = dict(zip(_NAMES, row, strict=False))
    since, message = answer.pop("state_timestamp"), answer.pop("state_message")
    data, details = answer.pop("state_data"), answer.pop("state_details")
    state_id, kind, total = answer["state_id"], answer["state_type"], answer["total_run_time"]
    for name in ("empirical_policy", "tags", "labels", "task_inputs"):
        answer[name] = orjson.Fragment(answer[name])
    answer["estimated_run_time"] = seconds_run(total, kind, since, now)
    answer["estimated_start_time_delta"] = seconds_late(answer["expected_start_time"], answer["start_time"], kind, now)
    answer["state"] = state_id and {
        "id": state_id,
        "type": kind,
        "name": answer["state_name"],
        "timestamp": since,
        "message": message,
        "data": None if data is None else orjson.Fragment(data),
        "state_details": _spelled(details),
    }
    return answer


def _spelled(details: str) -> Any:
    """A state's details in the wire's spelling: only times are stored in another."""
    if all(x in details for x in _TIMES_IN_DETAILS):
        return orjson.Fragment(details)
    return encode_details(_details.decode(details))


class Csv:
    """A task run a line, under a line of names. Lists and objects are JSON; nothing stands for null."""

    def __init__(self) -> None:
        self._begun = False

    def page(self, rows: Rows) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text)
        if not self._begun:
            writer.writerow(_NAMES)
            self._begun = True
        writer.writerows(map(_cells, rows))
        return text.getvalue().encode()

    def end(self) -> bytes:
        return b"" if self._begun else self.page([])


def _cells(row: Sequence[Any]) -> list[Any]:
    cells = list(row[: len(_NAMES)])
    for place in _TIMES:
        if cells[place] is not None:
            cells[place] = timestamp(cells[place])
    return cells
