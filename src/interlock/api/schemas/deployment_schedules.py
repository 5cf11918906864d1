"""The schedules of deployments on the wire: each with its own switch and limits."""

from datetime import datetime
from typing import Any

from pydantic import Field, field_validator
from sqlalchemy import RowMapping

from interlock.api.schemas.base import Answer, Id, PositiveInt, StrictBody, Timestamp
from interlock.api.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule, Schedule

MAX_SCHEDULED_RUNS = 50


class _Limits(StrictBody):
    """What bounds the runs of a schedule."""

    max_active_runs: PositiveInt | None = None
    max_scheduled_runs: PositiveInt | None = None

    @field_validator("max_scheduled_runs")
    @classmethod
    def _not_too_many(cls, value: int | None) -> int | None:
        if value is not None and value > MAX_SCHEDULED_RUNS:
            message = f"`max_scheduled_runs` must be less than or equal to {MAX_SCHEDULED_RUNS}."
            raise ValueError(message)
        return value


class DeploymentScheduleBody(_Limits):
    """A schedule to be added to a deployment."""

    active: bool = True
    schedule: Schedule
    catchup: bool = Field(default=False, description="Whether a worker takes up runs that are late.")

    def columns(self, new_id: str, now: datetime) -> dict[str, Any]:
        """The schedule's columns, under `new_id`."""
        return {"id": new_id, **self.model_dump(), "schedule": self.schedule.stored(now)}


class DeploymentScheduleUpdateBody(_Limits):
    """Changes of a schedule: null is the same as not given."""

    active: bool | None = None
    schedule: Schedule | None = None
    catchup: bool | None = None

    def columns(self, now: datetime) -> dict[str, Any]:
        """The columns that change, with their new values."""
        values = self.model_dump(exclude_none=True)
        return values if self.schedule is None else values | {"schedule": self.schedule.stored(now)}


class DeploymentScheduleAnswer(Answer):
    """A schedule of a deployment."""

    id: Id
    created: Timestamp
    updated: Timestamp
    deployment_id: Id
    schedule: IntervalSchedule | CronSchedule | RRuleSchedule
    active: bool
    max_active_runs: int | None
    max_scheduled_runs: int | None
    catchup: bool


def encode_schedule(row: RowMapping | dict[str, Any]) -> dict[str, Any]:
    """A schedule in the wire's spelling, ready for JSON."""
    return {name: row[name] for name in DeploymentScheduleAnswer.model_fields}
