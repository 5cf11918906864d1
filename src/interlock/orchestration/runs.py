"""Task runs and flow runs as the decision core sees them: the whole row and the current state.

What lives here: the frozen records. What does not: how a row is stored (storage/) or spelt on the wire (api/schemas).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from interlock.orchestration.states import State

FLOW_LABEL = "prefect.flow.id"
DEPLOYMENT_LABEL = "prefect.deployment.id"
"""The labels that the server gives by itself; a caller's of the same name go before them."""


class TaskRunPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A task run's retry settings. Delays are in seconds; a list gives the delay of each retry in turn.

    `max_retries` and `retry_delay_seconds` are the wire's older spelling: kept, echoed and ignored.
    """

    max_retries: int = 0
    retry_delay_seconds: float = 0.0
    retries: int | None = None
    retry_delay: int | float | Sequence[int | float] | None = None
    retry_jitter_factor: float | None = None


class FlowRunPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A flow run's retry settings and what the pause rules remember: the keys of pauses that fired, whether it is
    just resuming, and how it is being retried (`in_process`, `reschedule` or None). Clients may send null for each, and
    anything as a key."""

    max_retries: int = 0
    retry_delay_seconds: float = 0.0
    retries: int | None = None
    retry_delay: int | None = None
    pause_keys: tuple[Any, ...] | None = ()
    resuming: bool | None = False
    retry_type: str | None = None


class TaskRun(msgspec.Struct, frozen=True, kw_only=True):
    """A task run with its current state, None before the first. Times are aware and in UTC once
    stored, though a decision's scheduled times keep the client's offset. `total_run_time` is in seconds.

    `task_inputs` and `labels` are JSON text that no rule reads.
    """

    id: str
    created: datetime
    updated: datetime
    name: str
    task_key: str
    dynamic_key: str
    flow_run_id: str | None = None
    cache_key: str | None = None
    cache_expiration: datetime | None = None
    task_version: str | None = None
    empirical_policy: TaskRunPolicy = TaskRunPolicy()
    tags: tuple[str, ...] = ()
    task_inputs: str = "{}"
    labels: str = "{}"
    run_count: int = 0
    flow_run_run_count: int = 0
    expected_start_time: datetime | None = None
    next_scheduled_start_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: float = 0.0
    state: State | None = None


class FlowRun(msgspec.Struct, frozen=True, kw_only=True):
    """A flow run with its current state, None before the first. Times are aware and in UTC once
    stored, though a decision's scheduled times keep the client's offset. `total_run_time` is in seconds.

    `parameters`, `context`, `job_variables`, `labels` and `created_by` are JSON text that no rule reads.
    """

    id: str
    created: datetime
    updated: datetime
    name: str
    flow_id: str
    deployment_id: str | None = None
    deployment_version: str | None = None
    work_queue_id: str | None = None
    work_queue_name: str | None = None
    flow_version: str | None = None
    parameters: str = "{}"
    idempotency_key: str | None = None
    context: str = "{}"
    empirical_policy: FlowRunPolicy = FlowRunPolicy()
    tags: tuple[str, ...] = ()
    labels: str = "{}"
    parent_task_run_id: str | None = None
    run_count: int = 0
    expected_start_time: datetime | None = None
    next_scheduled_start_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: float = 0.0
    auto_scheduled: bool = False
    infrastructure_document_id: str | None = None
    infrastructure_pid: str | None = None
    created_by: str | None = None
    job_variables: str = "{}"
    state: State | None = None
