"""Work pools on the wire.

What lives here: the bodies of create and update, the answers, and what a base job template must be. What does not:
whether the defaults in it fit (job_variables.py), the queues of a pool (work_queues.py) and filters (filters.py).
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from interlock.api.schemas.base import (
    Answer,
    Id,
    JsonObject,
    NotNegativeInt,
    PlainName,
    StrictBody,
    Text,
    Timestamp,
    json_text,
)
from interlock.api.schemas.flow_runs import FlowRunAnswer
from interlock.orchestration.states import StateType
from interlock.storage.queries.work_pools import AGENT_TYPE

_PLACEHOLDER = re.compile(r"{{\s*([\w.\-\[\]$]+)\s*}}")


def _consistent_template(template: dict[str, Any]) -> dict[str, Any]:
    """A template that declares all variables that it uses; an empty one is none."""
    if not template:
        return template
    configuration, variables = template.get("job_configuration"), template.get("variables")
    if not (configuration and variables):
        raise ValueError("The `base_job_template` must contain both a `job_configuration` key and a `variables` key.")
    if not isinstance(configuration, dict) or not isinstance(variables, dict):
        raise ValueError("The `job_configuration` and the `variables` of a `base_job_template` must be objects.")
    declared = variables.get("properties") or {}
    used = {name for x in configuration.values() for name in _PLACEHOLDER.findall(json_text(x))}
    if undeclared := sorted(used - set(declared)):
        raise ValueError(
            "The variables specified in the job configuration template must be present as properties in the variables"
            f" schema. Your job configuration uses the following undeclared variable(s): {' ,'.join(undeclared)}."
        )
    return template


JobTemplate = Annotated[
    JsonObject,
    AfterValidator(_consistent_template),
    Field(
        description="What jobs are made of: `variables` as a JSON schema, and the `job_configuration` that uses them."
    ),
]


class StorageConfiguration(StrictBody):
    """Where code and results are kept that are sent to workers. The server keeps it for clients."""

    bundle_upload_step: dict[str, Any] | None = None
    bundle_execution_step: dict[str, Any] | None = None
    default_result_storage_block_id: Id | None = None


class WorkPoolCreateBody(StrictBody):
    """The body of a pool's creation."""

    name: PlainName
    description: Text | None = None
    type: Text = Field(AGENT_TYPE, description="The kind of workers that serve it.")
    base_job_template: JobTemplate = Field(default_factory=dict)
    is_paused: bool = Field(False, description="Whether nothing is handed to workers.")
    concurrency_limit: NotNegativeInt | None = Field(None, description="How many of its runs may be under way at once.")
    storage_configuration: StorageConfiguration = Field(default_factory=StorageConfiguration)


class WorkPoolUpdateBody(StrictBody):
    """The body of a pool's update: only what is given changes."""

    description: Text | None = None
    is_paused: bool | None = None
    base_job_template: JobTemplate | None = None
    concurrency_limit: NotNegativeInt | None = None
    storage_configuration: StorageConfiguration | None = None

    def columns(self) -> dict[str, Any]:
        """The columns that change, with their new values. Nothing takes the place of what a pool must have."""
        values = self.model_dump(exclude_unset=True)
        kept = ("is_paused", "base_job_template", "storage_configuration")
        return {name: x for name, x in values.items() if x is not None or name not in kept}


class WorkPoolStatus(StrEnum):
    READY = "READY"
    NOT_READY = "NOT_READY"
    PAUSED = "PAUSED"


class WorkPoolAnswer(Answer):
    """A work pool."""

    id: Id
    created: Timestamp
    updated: Timestamp
    name: str
    description: str | None
    type: str
    base_job_template: dict[str, Any]
    is_paused: bool
    concurrency_limit: int | None
    status: WorkPoolStatus | None = Field(description="Null for a pool of agents.")
    default_queue_id: Id
    storage_configuration: StorageConfiguration
    active_slots: int | None = Field(description="How many slots are taken; null where there is no limit.")


def encode_work_pool(pool: Mapping[Any, Any], busy: int, *, with_result_storage: bool = True) -> dict[str, Any]:
    """A pool in the wire's spelling, ready for JSON; `busy` is how many slots are taken."""
    storage = StorageConfiguration(**pool["storage_configuration"]).model_dump()
    if not with_result_storage:
        del storage["default_result_storage_block_id"]
    derived = {
        "status": None if pool["type"] == AGENT_TYPE else pool["status"],
        "storage_configuration": storage,
        "active_slots": None if pool["concurrency_limit"] is None else busy,
    }
    values = dict(pool) | derived
    return {name: values[name] for name in WorkPoolAnswer.model_fields}


class WorkerFlowRunAnswer(Answer):
    """A run that is offered to a worker."""

    work_pool_id: Id
    work_queue_id: Id
    flow_run: FlowRunAnswer


class SlotHolderAnswer(Answer):
    """A flow run that takes a slot."""

    id: Id
    name: str
    state_type: StateType | None
    state_name: str | None
    start_time: Timestamp | None
    state_timestamp: Timestamp | None
    time_in_current_state: timedelta | None


class QueueSlotsAnswer(Answer):
    """How the slots of a queue in a pool are taken."""

    queue_id: Id
    queue_name: str
    active_slots: int
    concurrency_limit: int | None
    flow_runs: list[SlotHolderAnswer]
    flow_run_count: int | None


class WorkPoolSlotsAnswer(Answer):
    """How the slots of a pool are taken, queue by queue: a page of these, and how many there are."""

    active_slots: int
    concurrency_limit: int | None
    queues: list[QueueSlotsAnswer]
    count: int
    limit: int
    pages: int
    page: int


class WorkQueueSlotsAnswer(Answer):
    """How the slots of a queue are taken: a page of the runs that do, and how many there are."""

    active_slots: int
    concurrency_limit: int | None
    flow_runs: list[SlotHolderAnswer]
    count: int
    limit: int
    pages: int
    page: int
