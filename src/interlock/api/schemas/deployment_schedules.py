"""The schedules of deployments on the wire: each with its own switch and limits."""

from datetime import datetime
from typing import Any

from pydantic import Field, field_validator
from sqlalchemy import RowMapping

from interlock.api.schemas.base import Answer, Id, JsonObject, PositiveInt, StrictBody, Text, Timestamp
from interlock.api.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule, Schedule

MAX_SCHEDULED_RUNS = 50


class _ScheduleBody(StrictBody):
    """What bounds the runs of a schedule, and what it is called."""

    max_active_runs: PositiveInt | None = None
    max_scheduled_runs: PositiveInt | None = None
    slug: Text | None = Field(default=None, description="Names the schedule among those of its deployment.")
    replaces: Text | None = Field(default=None, description="The former slug of the schedule, where it gets another.")

    @field_validator("max_scheduled_runs")
    @classmethod
    def _not_too_many(cls, value: int | None) -> int | None:
        if value is not None and value > MAX_SCHEDULED_RUNS:
            message = f"`max_scheduled_runs` must be less than or equal to {MAX_SCHEDULED_RUNS}."
            raise ValueError(message)
        return value


class DeploymentScheduleBody(_ScheduleBody):
    """A schedule to be added to a deployment."""

    active: bool = True
    schedule: Schedule
    catchup: bool = Field(default=False, description="Whether a worker takes up runs that are late.")
    parameters: JsonObject = Field(default_factory=dict, description="They go before the deployment's.")

    def columns(self, new_id: str, now: datetime) -> dict[str, Any]:
        """The schedule's columns, under `new_id`."""
        return {"id": new_id, **self.model_dump(exclude={"replaces"}), "schedule": self.schedule.stored(now)}

    def changed(self, row: dict[str, Any], now: datetime) -> dict[str, Any]:
        """The row of a schedule that this one is to be: its switch stays unless it is given."""
        values = {"schedule": self.schedule.stored(now), "parameters": self.parameters, "slug": self.slug}
        active = self.active if "active" in self.model_fields_set else row["active"]
        return row | values | {"active": active, "updated": now}

    def unbounded(self) -> "DeploymentScheduleBody":
        """The schedule without its limits, which are given to single schedules only."""
        kept = {name: getattr(self, name) for name in ("schedule", "active", "parameters", "slug")}
        return DeploymentScheduleBody.model_construct(**kept)


class DeploymentScheduleUpdateBody(_ScheduleBody):
    """Changes of a schedule: null is the same as not given."""

    active: bool | None = None
    schedule: Schedule | None = None
    catchup: bool | None = None
    parameters: JsonObject | None = None

    def columns(self, now: datetime) -> dict[str, Any]:
        """The columns that change, with their new values."""
        values = self.model_dump(exclude_none=True, exclude={"replaces"})
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
    parameters: dict[str, Any]
    slug: str | None


def encode_schedule(row: RowMapping | dict[str, Any]) -> dict[str, Any]:
    """A schedule in the wire's spelling, ready for JSON."""
    return {name: row[name] for name in DeploymentScheduleAnswer.model_fields}
