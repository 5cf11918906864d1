"""Flows, their deployments, and the pools and queues from which workers take runs."""

from sqlalchemy import Boolean, Column, Index, Integer, Table, UniqueConstraint, text

from interlock.storage.tables.columns import identity, metadata, owned_by
from interlock.storage.types import Id, Json, Text, TextList, UtcTime

flows = Table(
    "flows",
    metadata,
    *identity(),
    Column("name", Text, nullable=False, unique=True),
    Column("tags", TextList, nullable=False),
    Column("labels", Json, nullable=False),
)

deployments = Table(
    "deployments",
    metadata,
    *identity(),
    owned_by("flow_id", "flows.id", nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Text),
    Column("description", Text),
    Column("schedule", Json),
    Column("is_schedule_active", Boolean, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("infra_overrides", Json, nullable=False),
    Column("parameters", Json, nullable=False),
    Column("tags", TextList, nullable=False),
    Column("labels", Json, nullable=False),
    Column("work_queue_name", Text),
    Column("work_queue_id", Id, index=True),
    Column("last_polled", UtcTime),
    Column("parameter_openapi_schema", Json),
    Column("path", Text),
    Column("pull_steps", Json),
    Column("entrypoint", Text),
    Column("manifest_path", Text),
    owned_by("storage_document_id", "block_documents.id"),
    owned_by("infrastructure_document_id", "block_documents.id"),
    Column("created_by", Json),
    Column("updated_by", Json),
    Column("enforce_parameter_schema", Boolean, nullable=False),
    Column("status", Text, nullable=False),
    # No foreign key: a limit that is gone is none.
    Column("concurrency_limit_id", Id),
    Column("concurrency_options", Json),
    UniqueConstraint("flow_id", "name"),
    Index("ix_deployments__created", "created"),
    # Who may have stopped polling: few deployments are READY.
    Index(
        "ix_deployments__polled",
        "last_polled",
        sqlite_where=text("status = 'READY'"),
        postgresql_where=text("status = 'READY'"),
    ),
)

deployment_schedules = Table(
    "deployment_schedules",
    metadata,
    *identity(),
    owned_by("deployment_id", "deployments.id", nullable=False, index=True),
    Column("schedule", Json, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("max_active_runs", Integer),
    Column("max_scheduled_runs", Integer),
    Column("catchup", Boolean, nullable=False),
    Column("parameters", Json, nullable=False),
    Column("slug", Text),
    # When the scheduler is to look at it, NULL for never; and the times of which it made runs, those that are over left
    # out, as microseconds since 1970.
    Column("due", UtcTime, index=True),
    Column("made", Json),
    UniqueConstraint("deployment_id", "slug"),
)

work_pools = Table(
    "work_pools",
    metadata,
    *identity(),
    Column("name", Text, nullable=False, unique=True),
    Column("description", Text),
    Column("type", Text, nullable=False, index=True),
    Column("base_job_template", Json, nullable=False),
    Column("is_paused", Boolean, nullable=False),
    Column("concurrency_limit", Integer),
    Column("default_queue_id", Id),
    Column("status", Text, nullable=False),
)

work_queues = Table(
    "work_queues",
    metadata,
    *identity(),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("is_paused", Boolean, nullable=False),
    Column("concurrency_limit", Integer),
    Column("priority", Integer, nullable=False),
    Column("last_polled", UtcTime),
    Column("status", Text, nullable=False),
    owned_by("work_pool_id", "work_pools.id", nullable=False),
    UniqueConstraint("work_pool_id", "name"),
)
