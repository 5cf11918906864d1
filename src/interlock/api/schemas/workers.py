"""Workers on the wire."""

from enum import StrEnum

from pydantic import Field

from interlock.api.schemas.base import Answer, FilterBody, FilterOperator, Id, Timestamp


class WorkerStatus(StrEnum):
    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"


class WorkerAnswer(Answer):
    """A worker."""

    id: Id
    created: Timestamp
    updated: Timestamp
    name: str
    work_pool_id: Id
    last_heartbeat_time: Timestamp
    heartbeat_interval_seconds: int | None
    status: WorkerStatus


class HeartbeatTimeFilter(FilterBody):
    before_: Timestamp | None = Field(None, description="At this time or before it.")
    after_: Timestamp | None = Field(None, description="At this time or after it.")


class WorkerStatusFilter(FilterBody):
    any_: list[WorkerStatus] | None = Field(None, description="It is one of these.")
    not_any_: list[WorkerStatus] | None = Field(None, description="It is none of these.")


class WorkerFilter(FilterBody):
    """Which workers."""

    operator: FilterOperator = FilterOperator.and_
    last_heartbeat_time: HeartbeatTimeFilter | None = None
    status: WorkerStatusFilter | None = None
