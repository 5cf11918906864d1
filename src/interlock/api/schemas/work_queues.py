"""Work queues on the wire.

What lives here: the bodies of create and update, and the answers. What does not: pools (work_pools.py) and filters
(filters.py).
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from interlock.api.schemas.base import (
    Answer,
    Body,
    Id,
    NotNegativeInt,
    PlainName,
    PositiveInt,
    StrictBody,
    Text,
    Timestamp,
)
from interlock.api.schemas.work_pools import WorkPoolStatus

MOST_SECONDS_UNPOLLED = 60
"""After so long without a poll a queue is not healthy."""


class QueueFilterBody(Body):
    """Which runs an old kind of queue has, instead of those that are put into it."""

    tags: list[Text] | None = None
    deployment_ids: list[Id] | None = None


def _empty_for_null(value: Any) -> Any:
    return "" if value is None else value


Description = Annotated[Text, BeforeValidator(_empty_for_null)]
"""What a queue is for. Clients send null where there is nothing to say."""


class WorkQueueCreateBody(StrictBody):
    """The body of a queue's creation."""

    name: PlainName
    description: Description = ""
    is_paused: bool = False
    concurrency_limit: NotNegativeInt | None = Field(None, description="How many of its runs may be under way at once.")
    priority: PositiveInt | None = Field(None, description="1 goes first. The first free one where none is given.")
    filter: QueueFilterBody | None = Field(None, description="Of old clients: by what its runs are found.")


class WorkQueueUpdateBody(StrictBody):
    """The body of a queue's update: only what is given changes."""

    name: Text | None = None
    description: Description = ""
    is_paused: bool = False
    concurrency_limit: NotNegativeInt | None = None
    priority: PositiveInt | None = None
    last_polled: Timestamp | None = None
    filter: QueueFilterBody | None = None


class QueueFilterAnswer(Answer):
    tags: list[str] | None
    deployment_ids: list[Id] | None


class WorkQueueAnswer(Answer):
    """A work queue."""

    id: Id
    created: Timestamp
    updated: Timestamp
    name: str
    description: str | None
    is_paused: bool
    concurrency_limit: int | None
    priority: int
    work_pool_id: Id | None
    filter: QueueFilterAnswer | None
    last_polled: Timestamp | None = Field(description="Noted every few seconds at most.")
    work_pool_name: str | None
    status: WorkPoolStatus | None
    active_slots: int | None = Field(description="How many slots are taken; null where there is no limit.")


def encode_work_queue(queue: Mapping[Any, Any], busy: int) -> dict[str, Any]:
    """A queue in the wire's spelling, ready for JSON; `busy` is how many slots are taken."""
    values = dict(queue) | {"active_slots": None if queue["concurrency_limit"] is None else busy}
    return {name: values[name] for name in WorkQueueAnswer.model_fields}


class QueueHealthPolicyAnswer(Answer):
    maximum_late_runs: int | None = 0
    maximum_seconds_since_last_polled: int | None = MOST_SECONDS_UNPOLLED


class WorkQueueStatusAnswer(Answer):
    """Whether a queue is served: polled of late, and without late runs."""

    healthy: bool
    late_runs_count: int
    last_polled: Timestamp | None
    health_check_policy: QueueHealthPolicyAnswer
