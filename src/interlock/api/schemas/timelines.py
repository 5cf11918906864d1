"""Bars of a timeline on the wire."""

from typing import Any

from pydantic import Field

from interlock.api.schemas.base import Answer, Id, Timestamp
from interlock.orchestration.states import StateType
from interlock.storage.queries.timeline import Bar


class BarAnswer(Answer):
    """A task run."""

    id: Id
    name: str
    state_type: StateType | None
    state_name: str | None
    expected_start_time: Timestamp | None
    start_time: Timestamp | None
    end_time: Timestamp | None
    parents: list[Id] = Field(description="The task runs whose results it was given.")
    subflow_run_id: Id | None = Field(description="The flow run that it stands for.")


class TimelineAnswer(Answer):
    """A page of bars."""

    items: list[BarAnswer]
    next_cursor: str | None
    as_of: Timestamp = Field(
        description="What has changed after it may not be told here; a little before the time of the answer."
    )


def encode_bar(bar: Bar) -> dict[str, Any]:
    """A bar, ready for JSON."""
    return {
        "id": bar.id,
        "name": bar.name,
        "state_type": bar.state_type,
        "state_name": bar.state_name,
        "expected_start_time": bar.expected_start_time,
        "start_time": bar.start_time,
        "end_time": bar.end_time,
        "parents": bar.parents,
        "subflow_run_id": bar.subflow_run_id,
    }
