"""Logs on the wire."""

from interlock.api.schemas.base import Answer, Id, StrictBody, Text, Timestamp, WholeNumber


class LogCreateBody(StrictBody):
    """A line that a run logged."""

    name: Text
    level: WholeNumber
    message: Text
    timestamp: Timestamp
    flow_run_id: Id | None = None
    task_run_id: Id | None = None


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
