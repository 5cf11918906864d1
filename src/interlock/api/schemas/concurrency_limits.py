"""Concurrency limits of tags on the wire."""

from interlock.api.schemas.base import Answer, Id, StrictBody, Text, Timestamp, WholeNumber


class ConcurrencyLimitCreateBody(StrictBody):
    """The body of a limit's creation, which changes the limit where the tag has one."""

    tag: Text
    concurrency_limit: WholeNumber


class ConcurrencyLimitAnswer(Answer):
    """How many task runs with a tag may run at once, and which do."""

    id: Id
    created: Timestamp
    updated: Timestamp
    tag: str
    concurrency_limit: int
    active_slots: list[Id]
