"""Logs on the wire."""

from pydantic import Field

from interlock.api.schemas.base import Answer, FilterBody, FilterOperator, Id, StrictBody, Text, Timestamp, WholeNumber
from interlock.api.schemas.sorting import Sort


class LogCreateBody(StrictBody):
    """A line that a run logged."""

    name: Text
    level: WholeNumber
    message: Text
    timestamp: Timestamp
    flow_run_id: Id | None = None
    task_run_id: Id | None = None


class LevelFilter(FilterBody):
    ge_: WholeNumber | None = Field(None, description="At least this level.", examples=[20])
    le_: WholeNumber | None = Field(None, description="At most this level.", examples=[50])


class TimeFilter(FilterBody):
    before_: Timestamp | None = Field(None, description="At this time or before it.")
    after_: Timestamp | None = Field(None, description="At this time or after it.")


class RunFilter(FilterBody):
    any_: list[Id] | None = Field(None, description="Of one of these runs.")


class TaskRunIdFilter(RunFilter):
    is_null_: bool | None = Field(None, description="True: of no task run. False: of one.")


class TextFilter(FilterBody):
    like_: Text | None = Field(
        None,
        description="The message contains this, in any case. % and _ stand for any text and letter. No index serves "
        "this: name a run or a span of time too, and only their lines are read.",
    )


class LogFilter(FilterBody):
    """Which lines: those for which all parts hold, or any of them."""

    operator: FilterOperator = FilterOperator.and_
    level: LevelFilter | None = None
    timestamp: TimeFilter | None = None
    flow_run_id: RunFilter | None = None
    task_run_id: TaskRunIdFilter | None = None
    text: TextFilter | None = None


class LogSort(Sort):
    """How lines are ordered."""

    TIMESTAMP_ASC = "TIMESTAMP_ASC"
    TIMESTAMP_DESC = "TIMESTAMP_DESC"


class LogAnswer(Answer):
    """A line that a run logged. `created` is when it was stored."""

    id: Id
    created: Timestamp
    updated: Timestamp
    name: str
    level: int
    message: str
    timestamp: Timestamp
    flow_run_id: Id | None
    task_run_id: Id | None
