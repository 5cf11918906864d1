"""Histories and counts of runs on the wire.

What lives here: their answers, and the spelling of intervals. What does not: how they are summed up
(storage/queries/history.py).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from interlock.api.schemas.base import Answer, Id, Timestamp
from interlock.api.schemas.task_runs import estimated_run_time, lateness
from interlock.orchestration.runs import FlowRun
from interlock.orchestration.states import StateType
from interlock.storage.queries.history import Grid, StateSums

MAX_INTERVALS = 500
MILLISECOND = timedelta(milliseconds=1)


def _seconds(value: Any) -> Any:
    """Text and flags that are a number count as the number."""
    try:
        return float(value) if isinstance(value, str | bool) else value
    except ValueError:
        return value


Interval = Annotated[timedelta, BeforeValidator(_seconds)]
"""A time span: seconds, or text as ISO 8601 or a clock has it."""


class StateHistoryAnswer(Answer):
    """The runs of an interval that are in states of one type and name. Times are in seconds."""

    state_type: StateType
    state_name: str
    count_runs: int
    sum_estimated_run_time: float
    sum_estimated_lateness: float


class HistoryAnswer(Answer):
    """An interval and the runs in it."""

    interval_start: Timestamp
    interval_end: Timestamp
    states: list[StateHistoryAnswer]


class SimpleFlowRunAnswer(Answer):
    """A flow run as a point on a chart. Durations are in seconds."""

    id: Id
    state_type: StateType
    timestamp: Timestamp = Field(description="When it started, or is expected to.")
    duration: float
    lateness: float


class OutcomesAnswer(Answer):
    """How many task runs ended well or badly."""

    completed: int
    failed: int


def history_grid(start: datetime, end: datetime, interval: timedelta) -> Grid:
    """The intervals from a time on, until one ends at or after the other: at least one, at most 500.

    Times and intervals are rounded to the millisecond.
    """
    start, width = _rounded(start.astimezone(UTC)), max(_rounded_span(interval), MILLISECOND)
    needed = -((start - end) // width)
    return Grid(start, width, min(max(needed, 1), MAX_INTERVALS))


def _rounded_span(span: timedelta) -> timedelta:
    return (span + MILLISECOND / 2) // MILLISECOND * MILLISECOND


def _rounded(time: datetime) -> datetime:
    midnight = time.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + _rounded_span(time - midnight)


def encode_history(grid: Grid, sums: Mapping[int, Sequence[StateSums]]) -> list[dict[str, Any]]:
    """All intervals of a history, also those without runs."""
    return [_encode_interval(*grid.bounds(i), sums.get(i, ())) for i in range(grid.intervals)]


def _encode_interval(start: datetime, end: datetime, sums: Sequence[StateSums]) -> dict[str, Any]:
    return {
        "interval_start": start,
        "interval_end": end,
        "states": [
            {
                "state_type": x.state_type,
                "state_name": x.state_name,
                "count_runs": x.runs,
                "sum_estimated_run_time": x.run_time,
                "sum_estimated_lateness": x.lateness,
            }
            for x in sums
        ],
    }


def encode_simple_flow_run(run: FlowRun, now: datetime) -> dict[str, Any]:
    """A flow run as a point on a chart."""
    return {
        "id": run.id,
        "state_type": run.state.type if run.state else None,
        "timestamp": run.start_time or run.expected_start_time,
        "duration": estimated_run_time(run, now),
        "lateness": lateness(run, now),
    }
