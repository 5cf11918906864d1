"""Flow runs on the wire.

What lives here: the bodies of create, update and resume, and the encoding of a flow run. What does not: filters
(filters.py).
"""

from datetime import datetime
from typing import Any, Literal

import msgspec
from pydantic import Field

from interlock.api.schemas.base import (
    Answer,
    Body,
    CreatorAnswer,
    Id,
    JsonObject,
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
from interlock.api.schemas.task_runs import Name, estimated_run_time, lateness
from interlock.engine.names import generated_name
from interlock.orchestration.runs import DEPLOYMENT_LABEL, FLOW_LABEL, FlowRun, FlowRunPolicy
from interlock.orchestration.states import StateType
from interlock.storage.queries.work_pools import WorkPool


class FlowRunPolicyBody(Body):
    """Retry settings and what pauses left. `max_retries` and `retry_delay_seconds` are older names."""

    max_retries: WholeNumber = 0
    retry_delay_seconds: Number = 0.0
    retries: WholeNumber | None = None
    retry_delay: WholeNumber | None = None
    pause_keys: set[Any] | None = Field(default_factory=set)
    resuming: bool | None = False
    retry_type: Literal["in_process", "reschedule"] | None = None

    def policy(self) -> FlowRunPolicy:
        """The record for the decision core."""
        return FlowRunPolicy(
            max_retries=self.max_retries,
            retry_delay_seconds=self.retry_delay_seconds,
            retries=self.retries or self.max_retries or self.retries,
            retry_delay=self.retry_delay or int(self.retry_delay_seconds) or self.retry_delay,
            pause_keys=None if self.pause_keys is None else tuple(sorted(self.pause_keys, key=str)),
            resuming=self.resuming,
            retry_type=self.retry_type,
        )


class FlowRunCreateBody(StrictBody):
    """The body of a flow run's creation."""

    state: StateBody | None = Field(None, description="The first state, PENDING where none is given.")
    name: Name = Field(default_factory=generated_name, examples=["my-flow-run"])
    flow_id: Id
    flow_version: Text | None = None
    parameters: JsonObject = Field(default_factory=dict)
    context: JsonObject = Field(default_factory=dict)
    parent_task_run_id: Id | None = None
    infrastructure_document_id: Id | None = None
    empirical_policy: FlowRunPolicyBody = Field(default_factory=FlowRunPolicyBody)
    tags: list[Text] = Field(default_factory=list)
    labels: Labels | None = None
    idempotency_key: Text | None = None
    deployment_id: Id | None = None
    work_pool_name: Text | None = None
    work_queue_name: Text | None = None
    job_variables: JsonObject | None = None

    def draft(
        self,
        new_id: str,
        now: datetime,
        created_by: dict[str, str] | None,
        work_queue_id: str | None,
        inherited: dict[str, Any],
    ) -> FlowRun:
        """The run as it is to be created, under `new_id`, with the labels of its deployment too."""
        return FlowRun(
            id=new_id,
            created=now,
            updated=now,
            name=self.name,
            flow_id=self.flow_id,
            flow_version=self.flow_version,
            parameters=json_text(self.parameters),
            context=json_text(self.context),
            parent_task_run_id=self.parent_task_run_id,
            infrastructure_document_id=self.infrastructure_document_id,
            empirical_policy=self.empirical_policy.policy(),
            tags=tuple(self.tags),
            labels=json_text(inherited | system_labels(self.flow_id, self.deployment_id) | (self.labels or {})),
            idempotency_key=self.idempotency_key,
            deployment_id=self.deployment_id,
            work_queue_id=work_queue_id,
            work_queue_name=self.work_queue_name,
            created_by=json_text(created_by) if created_by else None,
            job_variables=json_text(self.job_variables if "job_variables" in self.model_fields_set else {}),
        )


def system_labels(flow_id: str, deployment_id: str | None) -> dict[str, Any]:
    """The labels that every flow run has."""
    return {FLOW_LABEL: flow_id} | ({DEPLOYMENT_LABEL: deployment_id} if deployment_id else {})


class FlowRunUpdateBody(StrictBody):
    """The body of a flow run's update: only what is given changes."""

    name: Name = Field(default_factory=generated_name, examples=["my-flow-run"])
    flow_version: Text | None = None
    parameters: JsonObject = Field(default_factory=dict)
    empirical_policy: FlowRunPolicyBody = Field(default_factory=FlowRunPolicyBody)
    tags: list[Text] = Field(default_factory=list)
    infrastructure_pid: Text | None = None
    job_variables: JsonObject | None = None

    def columns(self) -> dict[str, Any]:
        """The columns that change, with their new values."""
        values = {name: getattr(self, name) for name in self.model_fields_set}
        if "empirical_policy" in values:
            values["empirical_policy"] = json_text(msgspec.to_builtins(self.empirical_policy.policy()))
        return values | {name: json_text(values[name]) for name in ("parameters", "job_variables") if name in values}


class FlowRunPolicyAnswer(Answer):
    max_retries: int
    retry_delay_seconds: float
    retries: int | None
    retry_delay: int | None
    pause_keys: list[Any] | None
    resuming: bool | None
    retry_type: str | None


class FlowRunAnswer(Answer):
    """A flow run. Times are ISO 8601 in UTC, durations are in seconds."""

    id: Id
    created: Timestamp
    updated: Timestamp
    name: str
    flow_id: Id
    state_id: Id | None
    deployment_id: Id | None
    deployment_version: str | None
    work_queue_id: Id | None
    work_queue_name: str | None
    flow_version: str | None
    parameters: dict[str, Any]
    idempotency_key: str | None
    context: dict[str, Any]
    empirical_policy: FlowRunPolicyAnswer
    tags: list[str]
    labels: dict[str, Any]
    parent_task_run_id: Id | None
    state_type: StateType | None
    state_name: str | None
    run_count: int
    expected_start_time: Timestamp | None
    next_scheduled_start_time: Timestamp | None
    start_time: Timestamp | None
    end_time: Timestamp | None
    total_run_time: float
    estimated_run_time: float = Field(description="With the time since the run last went to RUNNING.")
    estimated_start_time_delta: float = Field(description="How late it started, or is by now.")
    auto_scheduled: bool
    infrastructure_document_id: Id | None
    infrastructure_pid: str | None
    created_by: CreatorAnswer | None
    work_pool_id: Id | None
    work_pool_name: str | None
    state: StateAnswer | None
    job_variables: dict[str, Any] | None


def encode_flow_run(run: FlowRun, now: datetime, pool: WorkPool | None = None) -> dict[str, Any]:
    """A flow run in the wire's spelling, ready for JSON; `pool` is the one of its work queue."""
    state = run.state
    policy = run.empirical_policy
    return {
        "id": run.id,
        "created": run.created,
        "updated": run.updated,
        "name": run.name,
        "flow_id": run.flow_id,
        "state_id": state.id if state else None,
        "deployment_id": run.deployment_id,
        "deployment_version": run.deployment_version,
        "work_queue_id": run.work_queue_id,
        "work_queue_name": pool.queue_name if pool else run.work_queue_name,
        "flow_version": run.flow_version,
        "parameters": fragment(run.parameters),
        "idempotency_key": run.idempotency_key,
        "context": fragment(run.context),
        "empirical_policy": {
            "max_retries": policy.max_retries,
            "retry_delay_seconds": policy.retry_delay_seconds,
            "retries": policy.retries,
            "retry_delay": policy.retry_delay,
            "pause_keys": policy.pause_keys,
            "resuming": policy.resuming,
            "retry_type": policy.retry_type,
        },
        "tags": run.tags,
        "labels": fragment(run.labels),
        "parent_task_run_id": run.parent_task_run_id,
        "state_type": state.type.value if state else None,
        "state_name": state.name if state else None,
        "run_count": run.run_count,
        "expected_start_time": run.expected_start_time,
        "next_scheduled_start_time": run.next_scheduled_start_time,
        "start_time": run.start_time,
        "end_time": run.end_time,
        "total_run_time": run.total_run_time,
        "estimated_run_time": estimated_run_time(run, now),
        "estimated_start_time_delta": lateness(run, now),
        "auto_scheduled": run.auto_scheduled,
        "infrastructure_document_id": run.infrastructure_document_id,
        "infrastructure_pid": run.infrastructure_pid,
        "created_by": fragment(run.created_by) if run.created_by else None,
        "work_pool_id": pool.id if pool else None,
        "work_pool_name": pool.name if pool else None,
        "state": encode_state(state),
        "job_variables": fragment(run.job_variables),
    }
