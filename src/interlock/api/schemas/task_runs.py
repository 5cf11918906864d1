"""Task runs on the wire.

What lives here: the bodies of create and update, and the encoding of a task run. What does not: filters (filters.py).
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from interlock.api.schemas.base import (
    Answer,
    Body,
    Id,
    Labels,
    Number,
    StrictBody,
    Text,
    Timestamp,
    WholeNumber,
    fragment,
    json_text,
)
from interlock.api.schemas.states import StateAnswer, StateBody, encode_state
from interlock.engine.names import generated_name
from interlock.orchestration.runs import FlowRun, TaskRun, TaskRunPolicy
from interlock.orchestration.states import TERMINAL_TYPES, StateType

CACHE_KEY_MAX_LENGTH = 2000
MAX_RETRY_DELAYS = 50

Name = Annotated[Text, BeforeValidator(lambda name: name or generated_name())]
"""A run's name; an empty or null one is replaced by a generated one."""


class TaskRunPolicyBody(Body):
    """Retry settings. `max_retries` and `retry_delay_seconds` are older names, used where the newer are not given."""

    max_retries: WholeNumber = 0
    retry_delay_seconds: Number = 0.0
    retries: WholeNumber | None = None
    retry_delay: WholeNumber | list[WholeNumber] | None = None
    retry_jitter_factor: Number | None = None

    @field_validator("retry_delay")
    @classmethod
    def _few_delays(cls, value: int | list[int] | None) -> int | list[int] | None:
        if isinstance(value, list) and len(value) > MAX_RETRY_DELAYS:
            raise ValueError("Can not configure more than 50 retry delays per task.")
        return value

    @field_validator("retry_jitter_factor")
    @classmethod
    def _not_negative(cls, value: float | None) -> float | None:
        if value is not None and value < 0:
            raise ValueError("`retry_jitter_factor` must be >= 0.")
        return value

    def policy(self) -> TaskRunPolicy:
        """The record for the decision core."""
        return TaskRunPolicy(
            max_retries=self.max_retries,
            retry_delay_seconds=self.retry_delay_seconds,
            retries=self.retries or self.max_retries or self.retries,
            retry_delay=self.retry_delay or int(self.retry_delay_seconds) or self.retry_delay,
            retry_jitter_factor=self.retry_jitter_factor,
        )


class TaskRunResultInput(Body):
    """The result of another task run."""

    input_type: Literal["task_run"] = "task_run"
    id: Id


class ParameterInput(Body):
    """A parameter of the flow run."""

    input_type: Literal["parameter"] = "parameter"
    name: Text


class ConstantInput(Body):
    """A value known when the task run was made."""

    input_type: Literal["constant"] = "constant"
    type: Text


TaskRunInput = TaskRunResultInput | ParameterInput | ConstantInput


class TaskRunCreateBody(StrictBody):
    """The body of a task run's creation."""

    id: Id | None = Field(None, description="The id to use; one is made where none is given.")
    state: StateBody | None = Field(None, description="The first state, PENDING where none is given.")
    name: Name = Field(default_factory=generated_name, examples=["my-task-run"])
    flow_run_id: Id | None = None
    task_key: Text = Field(description="Identifies the task.")
    dynamic_key: Text = Field(description="Tells the runs of one task in one flow run apart.")
    cache_key: Text | None = None
    cache_expiration: Timestamp | None = None
    task_version: Text | None = None
    empirical_policy: TaskRunPolicyBody = Field(default_factory=TaskRunPolicyBody)
    tags: list[Text] = Field(default_factory=list)
    labels: Labels | None = None
    task_inputs: dict[str, list[TaskRunInput]] = Field(default_factory=dict)

    @field_validator("cache_key")
    @classmethod
    def _short_cache_key(cls, value: str | None) -> str | None:
        if value is not None and len(value) > CACHE_KEY_MAX_LENGTH:
            raise ValueError(f"Cache key exceeded maximum allowed length of {CACHE_KEY_MAX_LENGTH} characters.")
        return value

    def draft(self, new_id: str, now: datetime) -> TaskRun:
        """The run as it is to be created, under `new_id` unless the body brings an id."""
        return TaskRun(
            id=self.id or new_id,
            created=now,
            updated=now,
            name=self.name,
            flow_run_id=self.flow_run_id,
            task_key=self.task_key,
            dynamic_key=self.dynamic_key,
            cache_key=self.cache_key,
            cache_expiration=self._expiration(),
            task_version=self.task_version,
            empirical_policy=self.empirical_policy.policy(),
            tags=tuple(self.tags),
            labels=json_text(self.labels or {}),
            task_inputs=self._inputs(),
        )

    def _expiration(self) -> datetime | None:
        """In UTC, though a background run's creation echoes the offset it came with."""
        if self.cache_expiration is None or self.flow_run_id is None:
            return self.cache_expiration
        return self.cache_expiration.astimezone(UTC)

    def _inputs(self) -> str:
        if not self.task_inputs:
            return "{}"
        return json_text({name: [x.__dict__ for x in inputs] for name, inputs in self.task_inputs.items()})


class TaskRunUpdateBody(StrictBody):
    """The body of a task run's update: only what is given changes."""

    name: Name = Field(default_factory=generated_name, examples=["my-task-run"])


class TaskRunPolicyAnswer(Answer):
    max_retries: int
    retry_delay_seconds: float
    retries: int | None
    retry_delay: int | float | list[int | float] | None
    retry_jitter_factor: float | None


class TaskRunAnswer(Answer):
    """A task run. Times are ISO 8601 in UTC, durations are in seconds."""

    id: Id
    created: Timestamp
    updated: Timestamp
    name: str
    flow_run_id: Id | None
    task_key: str
    dynamic_key: str
    cache_key: str | None
    cache_expiration: Timestamp | None
    task_version: str | None
    empirical_policy: TaskRunPolicyAnswer
    tags: list[str]
    labels: dict[str, Any]
    state_id: Id | None
    task_inputs: dict[str, list[TaskRunInput]]
    state_type: StateType | None
    state_name: str | None
    run_count: int
    flow_run_run_count: int
    expected_start_time: Timestamp | None
    next_scheduled_start_time: Timestamp | None
    start_time: Timestamp | None
    end_time: Timestamp | None
    total_run_time: float
    estimated_run_time: float = Field(description="With the time since the run last went to RUNNING.")
    estimated_start_time_delta: float = Field(description="How late it started, or is by now.")
    state: StateAnswer | None


def estimated_run_time(run: TaskRun | FlowRun, now: datetime) -> float:
    """Seconds spent in RUNNING, the present stay included."""
    state = run.state
    return run.total_run_time if state is None else seconds_run(run.total_run_time, state.type, state.timestamp, now)


def seconds_run(total: float, state_type: str | None, since: datetime, now: datetime) -> float:
    """As estimated_run_time: of a run that spent a total in RUNNING before it is in a state since a time."""
    return total + (now - since).total_seconds() if state_type == StateType.RUNNING else total


def lateness(run: TaskRun | FlowRun, now: datetime) -> float:
    """Seconds between the expected and the real start, or now where it is still to start; 0 if in time."""
    state_type = None if run.state is None else run.state.type
    return seconds_late(run.expected_start_time, run.start_time, state_type, now)


def seconds_late(expected: datetime | None, started: datetime | None, state_type: str | None, now: datetime) -> float:
    """As lateness: of a run with these times, in a state of this type."""
    if expected is None:
        return 0.0
    if started is not None:
        return max(0.0, (started - expected).total_seconds())
    if state_type in TERMINAL_TYPES:
        return 0.0
    return max(0.0, (now - expected).total_seconds())


def encode_task_run(run: TaskRun, now: datetime) -> dict[str, Any]:
    """A task run in the wire's spelling, ready for JSON."""
    state = run.state
    policy = run.empirical_policy
    return {
        "id": run.id,
        "created": run.created,
        "updated": run.updated,
        "name": run.name,
        "flow_run_id": run.flow_run_id,
        "task_key": run.task_key,
        "dynamic_key": run.dynamic_key,
        "cache_key": run.cache_key,
        "cache_expiration": run.cache_expiration,
        "task_version": run.task_version,
        "empirical_policy": {
            "max_retries": policy.max_retries,
            "retry_delay_seconds": policy.retry_delay_seconds,
            "retries": policy.retries,
            "retry_delay": policy.retry_delay,
            "retry_jitter_factor": policy.retry_jitter_factor,
        },
        "tags": run.tags,
        "labels": fragment(run.labels),
        "state_id": state.id if state else None,
        "task_inputs": fragment(run.task_inputs),
        "state_type": state.type.value if state else None,
        "state_name": state.name if state else None,
        "run_count": run.run_count,
        "flow_run_run_count": run.flow_run_run_count,
        "expected_start_time": run.expected_start_time,
        "next_scheduled_start_time": run.next_scheduled_start_time,
        "start_time": run.start_time,
        "end_time": run.end_time,
        "total_run_time": run.total_run_time,
        "estimated_run_time": estimated_run_time(run, now),
        "estimated_start_time_delta": lateness(run, now),
        "state": encode_state(state),
    }
