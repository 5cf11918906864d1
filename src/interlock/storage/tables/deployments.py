"""Flows, their deployments, and what makes runs of these."""

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
    # No foreign key: a queue that is gone is taken out by whoever deletes it.
    Column("work_queue_id", Id),
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
    Index("ix_deployments__work_queue_id", "work_queue_id", "status"),
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
