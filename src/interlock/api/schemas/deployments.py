"""Deployments on the wire.

What lives here: the bodies of create and update, and the encoding of a deployment. What does not: what a schedule is
(schedules.py), the creation of runs (deployment_runs.py) and filters (filters.py).
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from interlock.api import value_schemas
from interlock.api.schemas.base import (
    Answer,
    Body,
    CreatorAnswer,
    Id,
    JsonObject,
    Labels,
    PlainName,
    PositiveInt,
    StrictBody,
    Text,
    Timestamp,
)
from interlock.api.schemas.concurrency_limits_v2 import GlobalLimitAnswer
from interlock.api.schemas.deployment_schedules import DeploymentScheduleAnswer, DeploymentScheduleBody, encode_schedule
from interlock.api.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule, Schedule
from interlock.api.validation_errors import WHOLE
from interlock.orchestration.runs import FLOW_LABEL
from interlock.storage.queries.deployment_limits import OwnLimit
from interlock.storage.queries.work_queues import Place

FORMER_FIELDS = ("worker_pool_queue_id", "worker_pool_name", "worker_pool_queue_name", "work_pool_queue_name")
"""What clients before 2.8 still send: dropped."""


APART = {
    "schedules",
    "work_pool_name",
    "job_variables",
    "concurrency_limit",
    "global_concurrency_limit_id",
    "version_info",
}
"""What is no column, or not under this name."""


class CollisionStrategy(StrEnum):
    ENQUEUE = "ENQUEUE"
    CANCEL_NEW = "CANCEL_NEW"


class ConcurrencyOptions(StrictBody):
    """What becomes of a run while as many as may are under way."""

    collision_strategy: CollisionStrategy
    grace_period_seconds: Annotated[int, Field(ge=60, le=86_400)] | None = Field(
        None, description="How long a run may take to begin before its slot is free again."
    )


class VersionInfo(Body):
    """What a version is, as the code's own system knows it."""

    type: Text
    version: Text


class _DeploymentBody(StrictBody):
    """What create and update share. `infra_overrides` is the older name of `job_variables`; both are kept alike."""

    version: Text | None = None
    description: Text | None = None
    schedule: Schedule | None = Field(None, description="An older way to give a single schedule.")
    is_schedule_active: bool = Field(True, description="The opposite of `paused`, its older form.")
    paused: bool = False
    schedules: list[DeploymentScheduleBody] = Field(default_factory=list)
    tags: list[Text] = Field(default_factory=list, examples=[["tag-1", "tag-2"]])
    work_queue_name: Text | None = None
    work_pool_name: Text | None = Field(None, examples=["my-work-pool"])
    path: Text | None = None
    entrypoint: Text | None = None
    manifest_path: Text | None = None
    storage_document_id: Id | None = None
    infrastructure_document_id: Id | None = None
    infra_overrides: JsonObject | None = Field(default_factory=dict)
    concurrency_limit: PositiveInt | None = Field(None, description="How many of its runs may be under way at once.")
    concurrency_options: ConcurrencyOptions | None = None
    global_concurrency_limit_id: Id | None = Field(None, description="A global limit, instead of one of its own.")
    version_info: VersionInfo | None = Field(None, description="Taken, and not kept.")

    @model_validator(mode="before")
    @classmethod
    def _current_fields(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        values = {name: value for name, value in values.items() if name not in FORMER_FIELDS}
        given = [values[x] for x in ("job_variables", "infra_overrides") if values.get(x) is not None]
        if len(given) == 2 and given[0] != given[1]:
            raise PydanticCustomError(
                WHOLE,
                "The `infra_overrides` field has been renamed to `job_variables`."
                "Use one of these fields, but not both.",
            )
        return values | {"job_variables": given[0], "infra_overrides": given[0]} if given else values

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if self.concurrency_limit is not None and self.global_concurrency_limit_id is not None:
            message = "A deployment cannot have both a concurrency limit and a global concurrency limit."
            raise PydanticCustomError(WHOLE, message)
        return self

    @property
    def place(self) -> Place | None:
        """The queue that it is to be put into, None where that stays."""
        is_said = self.work_pool_name or self.work_queue_name
        return Place(self.work_pool_name, self.work_queue_name) if is_said else None

    def own_limit(self, new_id: str) -> OwnLimit | None:
        """The limit of its own that it is to have, under `new_id` where that is made; None where it stays."""
        is_said = "concurrency_limit" in self.model_fields_set and self.global_concurrency_limit_id is None
        return OwnLimit(self.concurrency_limit, new_id) if is_said else None

    def _shared_limit(self) -> dict[str, str | None]:
        """The column of the limit, where it is given by its id."""
        given = "global_concurrency_limit_id" in self.model_fields_set
        return {"concurrency_limit_id": self.global_concurrency_limit_id} if given else {}

    def _consistent_pause(self) -> dict[str, bool]:
        """Both columns of the pause, where either is given; `paused` counts more."""
        if "paused" in self.model_fields_set:
            return {"paused": self.paused, "is_schedule_active": not self.paused}
        if "is_schedule_active" in self.model_fields_set:
            return {"paused": not self.is_schedule_active, "is_schedule_active": self.is_schedule_active}
        return {}

    def _kept_schedule(self, now: datetime) -> dict[str, Any] | None:
        return None if self.schedule is None else self.schedule.stored(now)


class DeploymentCreateBody(_DeploymentBody):
    """The body of a deployment's creation, which replaces the deployment of the same flow and name."""

    name: PlainName = Field(examples=["my-deployment"])
    flow_id: Id
    enforce_parameter_schema: bool = False
    parameter_openapi_schema: JsonObject | None = Field(None, description="The JSON schema of the parameters.")
    parameters: JsonObject = Field(default_factory=dict, description="The parameters of its runs.")
    pull_steps: list[dict[str, Any]] | None = None
    job_variables: JsonObject = Field(default_factory=dict)
    labels: Labels | None = None

    @field_validator("parameter_openapi_schema")
    @classmethod
    def _is_schema(cls, value: dict[str, Any] | None, info: ValidationInfo) -> dict[str, Any] | None:
        if value is not None and info.data.get("enforce_parameter_schema"):
            try:
                value_schemas.check_is_schema(value)
            except value_schemas.UnusableSchemaError as error:
                raise _no_schema(error) from error
        return value

    @field_validator("parameters")
    @classmethod
    def _fit_schema(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        schema = info.data.get("parameter_openapi_schema")
        if schema is not None and info.data.get("enforce_parameter_schema"):
            try:
                value_schemas.check_as_declared(value, schema)
            except value_schemas.UnusableSchemaError as error:
                raise _no_schema(error) from error
            except value_schemas.UnfitValuesError as error:
                raise ValueError(str(error)) from error
        return value

    def columns(self, now: datetime) -> dict[str, Any]:
        """The deployment's columns, but for its identity."""
        values = self.model_dump(exclude=APART)
        changed = {
            "schedule": self._kept_schedule(now),
            "labels": {FLOW_LABEL: self.flow_id} | (self.labels or {}),
        }
        return values | changed | self._shared_limit() | self._consistent_pause()

    def all_schedules(self) -> list[DeploymentScheduleBody]:
        """Its schedules, in whichever way they are given."""
        if self.schedules or self.schedule is None:
            return self.schedules
        return [DeploymentScheduleBody(schedule=self.schedule, active=self.is_schedule_active)]


def _no_schema(error: value_schemas.UnusableSchemaError) -> ValueError:
    return ValueError(f"The provided schema is not a valid json schema. Schema error: {error}")


class DeploymentUpdateBody(_DeploymentBody):
    """The body of a deployment's update: only what is given changes."""

    parameters: JsonObject | None = None
    job_variables: JsonObject | None = None
    enforce_parameter_schema: bool | None = None
    parameter_openapi_schema: JsonObject | None = None
    pull_steps: list[dict[str, Any]] | None = None

    @property
    def is_legacy(self) -> bool:
        """Whether the caller knows only the older way to give a single schedule."""
        return bool(self.model_fields_set & {"schedule", "is_schedule_active"})

    def columns(self, now: datetime) -> dict[str, Any]:
        """The columns that change, with their new values."""
        values = self.model_dump(exclude_unset=True, exclude=APART)
        if "schedule" in values:
            values["schedule"] = self._kept_schedule(now)
        if not self.work_queue_name:
            # A deployment can be given to another queue, but not taken from its queue.
            values.pop("work_queue_name", None)
        return values | self._shared_limit() | self._consistent_pause()

    def new_schedules(self, existing: dict[str, Any]) -> list[DeploymentScheduleBody] | None:
        """What takes the place of the deployment's schedules, None where they stay."""
        if not self.is_legacy:
            return self.schedules if "schedules" in self.model_fields_set else None
        given = self.model_fields_set
        schedule = self.schedule if "schedule" in given else existing["schedule"]
        active = self.is_schedule_active if "is_schedule_active" in given else existing["is_schedule_active"]
        return [] if schedule is None else [DeploymentScheduleBody(schedule=schedule, active=active)]


class DeploymentAnswer(Answer):
    """A deployment. Its schedules come in the order of their last change, the newest first."""

    id: Id
    created: Timestamp
    updated: Timestamp
    infra_overrides: dict[str, Any] = Field(description="The older name of `job_variables`.")
    name: str
    version: str | None
    description: str | None
    flow_id: Id
    schedule: IntervalSchedule | CronSchedule | RRuleSchedule | None = Field(description="The first of the schedules.")
    is_schedule_active: bool = Field(description="The opposite of `paused`.")
    paused: bool
    schedules: list[DeploymentScheduleAnswer]
    parameters: dict[str, Any]
    tags: list[str]
    work_queue_name: str | None
    work_queue_id: Id | None
    last_polled: Timestamp | None
    parameter_openapi_schema: dict[str, Any] | None
    path: str | None
    pull_steps: list[dict[str, Any]] | None
    entrypoint: str | None
    manifest_path: str | None
    storage_document_id: Id | None
    infrastructure_document_id: Id | None
    created_by: CreatorAnswer | None
    updated_by: CreatorAnswer | None
    work_pool_name: str | None
    status: str | None
    enforce_parameter_schema: bool
    job_variables: dict[str, Any]
    labels: dict[str, Any]
    concurrency_limit: int | None = Field(description="Always null: the limit is `global_concurrency_limit`.")
    concurrency_options: ConcurrencyOptions | None
    global_concurrency_limit: GlobalLimitAnswer | None


def encode_deployment(deployment: dict[str, Any]) -> dict[str, Any]:
    """A deployment in the wire's spelling, ready for JSON."""
    schedules = [encode_schedule(x) for x in deployment["schedules"]]
    derived = {
        "schedules": schedules,
        "schedule": schedules[0]["schedule"] if schedules else None,
        "is_schedule_active": not deployment["paused"],
        "job_variables": deployment["infra_overrides"],
        "concurrency_limit": None,
        "global_concurrency_limit": _encode_limit(deployment["global_concurrency_limit"]),
    }
    values = deployment | derived | _encode_place(deployment)
    return {name: values[name] for name in DeploymentAnswer.model_fields}


def _encode_place(deployment: dict[str, Any]) -> dict[str, Any]:
    """Where it is. Who polls its queue polls for it too."""
    queue = deployment["work_queue"]
    if queue is None:
        return {"work_pool_name": None}
    polled = [x for x in (deployment["last_polled"], queue["last_polled"]) if x is not None]
    return {
        "work_queue_name": queue["name"],
        "work_pool_name": queue["work_pool_name"],
        "last_polled": max(polled) if polled else None,
    }


def _encode_limit(limit: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if limit is None else {name: limit[name] for name in GlobalLimitAnswer.model_fields}
