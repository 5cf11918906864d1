"""Flow runs and task runs, their states, and what runs are found by."""

from sqlalchemy import Boolean, Column, Computed, Float, Index, Integer, Table, UniqueConstraint, text

from interlock.storage.tables.columns import STATE_AND_TIMES, identity, in_order, metadata, owned_by
from interlock.storage.types import Id, JsonText, Text, TextList, UtcTime


def _where(name: str, *columns: str, condition: str) -> Index:
    """An index of those rows alone that meet a condition, for queries with the same condition, word by word. One that
    takes more than a comparison of a column keeps SQLite from taking the index of that column instead."""
    return Index(name, *columns, sqlite_where=text(condition), postgresql_where=text(condition))


flow_runs = Table(
    "flow_runs",
    metadata,
    *identity(),
    Column("name", Text, nullable=False),
    owned_by("flow_id", "flows.id", nullable=False),
    Column("deployment_id", Id, index=True),
    Column("deployment_version", Text),
    # No foreign key: a queue that is gone is taken out by whoever deletes it.
    Column("work_queue_id", Id),
    Column("work_queue_name", Text),
    Column("flow_version", Text),
    Column("parameters", JsonText, nullable=False),
    Column("idempotency_key", Text),
    Column("context", JsonText, nullable=False),
    Column("empirical_policy", JsonText, nullable=False),
    Column("tags", TextList, nullable=False),
    Column("labels", JsonText, nullable=False),
    # No foreign key, since the two run tables would refer to each other: deleting a task run clears it.
    Column("parent_task_run_id", Id, index=True),
    Column("state_id", Id),
    Column("state_type", Text),
    Column("state_name", Text),
    Column("state_timestamp", UtcTime),
    Column("run_count", Integer, nullable=False),
    Column("expected_start_time", UtcTime),
    Column("next_scheduled_start_time", UtcTime),
    Column("start_time", UtcTime),
    Column("end_time", UtcTime),
    # What an order by start time goes by: a run that has not started counts as of when it is expected to.
    Column("start_or_expected_time", UtcTime, Computed("coalesce(start_time, expected_start_time)", persisted=True)),
    Column("total_run_time", Float, nullable=False),
    Column("auto_scheduled", Boolean, nullable=False),
    owned_by("infrastructure_document_id", "block_documents.id"),
    Column("infrastructure_pid", Text),
    Column("created_by", JsonText),
    Column("job_variables", JsonText, nullable=False),
    UniqueConstraint("flow_id", "idempotency_key"),
    in_order("flow_runs", "expected_start_time"),
    in_order("flow_runs", "start_or_expected_time"),
    in_order("flow_runs", "end_time"),
    in_order("flow_runs", "next_scheduled_start_time"),
    # What a deployment is to run next, and what is late: few runs wait, of all that there are.
    _where(
        "ix_flow_runs__deployment_id_next_scheduled_start_time",
        "deployment_id",
        "next_scheduled_start_time",
        condition="coalesce(state_type, '') = 'SCHEDULED'",
    ),
    _where("ix_flow_runs__not_late", "next_scheduled_start_time", condition="state_name = 'Scheduled'"),
    # What services walk through, of which there is little.
    _where("ix_flow_runs__paused", "id", condition="coalesce(state_type, '') = 'PAUSED'"),
    _where("ix_flow_runs__cancelled", "end_time", "id", condition="coalesce(state_type, '') = 'CANCELLED'"),
    _where(
        "ix_flow_runs__open_subflows",
        "state_timestamp",
        "id",
        condition="parent_task_run_id IS NOT NULL"
        " AND coalesce(state_type, '') NOT IN ('COMPLETED', 'CANCELLED', 'FAILED', 'CRASHED')",
    ),
    Index("ix_flow_runs__name", "name", "id"),
    Index("ix_flow_runs__state", *STATE_AND_TIMES),
    # What workers ask for: the next runs that wait in a queue, and how many of it are under way.
    Index(
        "ix_flow_runs__work_queue_id",
        "work_queue_id",
        "state_type",
        "next_scheduled_start_time",
        sqlite_where=text("work_queue_id IS NOT NULL"),
        postgresql_where=text("work_queue_id IS NOT NULL"),
    ),
    # For the deletion of a block document alone: nearly all runs have none.
    Index(
        "ix_flow_runs__infrastructure_document_id",
        "infrastructure_document_id",
        sqlite_where=text("infrastructure_document_id IS NOT NULL"),
        postgresql_where=text("infrastructure_document_id IS NOT NULL"),
    ),
)

flow_run_states = Table(
    "flow_run_states",
    metadata,
    Column("id", Id, primary_key=True),
    owned_by("flow_run_id", "flow_runs.id", nullable=False),
    Column("type", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("timestamp", UtcTime, nullable=False),
    Column("message", Text),
    Column("data", JsonText),
    Column("state_details", JsonText, nullable=False),
    Column("transition_id", Id),
    Index("ix_flow_run_states__flow_run_id", "flow_run_id", "timestamp"),
)

flow_run_inputs = Table(
    "flow_run_inputs",
    metadata,
    *identity(),
    owned_by("flow_run_id", "flow_runs.id", nullable=False),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("sender", Text),
    UniqueConstraint("flow_run_id", "key"),
)

task_runs = Table(
    "task_runs",
    metadata,
    *identity(),
    Column("name", Text, nullable=False),
    owned_by("flow_run_id", "flow_runs.id"),
    Column("task_key", Text, nullable=False),
    Column("dynamic_key", Text, nullable=False),
    Column("cache_key", Text),
    Column("cache_expiration", UtcTime),
    Column("task_version", Text),
    Column("empirical_policy", JsonText, nullable=False),
    Column("tags", TextList, nullable=False),
    Column("labels", JsonText, nullable=False),
    Column("task_inputs", JsonText, nullable=False),
    Column("state_id", Id),
    Column("state_type", Text),
    Column("state_name", Text),
    Column("state_timestamp", UtcTime),
    Column("run_count", Integer, nullable=False),
    Column("flow_run_run_count", Integer, nullable=False),
    Column("expected_start_time", UtcTime),
    Column("next_scheduled_start_time", UtcTime),
    Column("start_time", UtcTime),
    Column("end_time", UtcTime),
    Column("total_run_time", Float, nullable=False),
    UniqueConstraint("flow_run_id", "task_key", "dynamic_key"),
    # A NULL is equal to nothing in a unique constraint: runs without a flow run need one of their own.
    Index(
        "uq_task_runs__task_key_dynamic_key",
        "task_key",
        "dynamic_key",
        unique=True,
        sqlite_where=text("flow_run_id IS NULL"),
        postgresql_where=text("flow_run_id IS NULL"),
    ),
    in_order("task_runs", "expected_start_time"),
    in_order("task_runs", "next_scheduled_start_time"),
    in_order("task_runs", "end_time"),
    Index("ix_task_runs__start_time", "start_time"),
    Index("ix_task_runs__name", "name", "id"),
    Index("ix_task_runs__state", *STATE_AND_TIMES),
)

# What is found by tags. There is no foreign key, which would take another index: whoever deletes a run takes it out.
task_run_tags = Table(
    "task_run_tags",
    metadata,
    Column("tag", Text, primary_key=True),
    Column("task_run_id", Id, primary_key=True),
    sqlite_with_rowid=False,
)

task_run_states = Table(
    "task_run_states",
    metadata,
    Column("id", Id, primary_key=True),
    owned_by("task_run_id", "task_runs.id", nullable=False),
    Column("type", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("timestamp", UtcTime, nullable=False),
    Column("message", Text),
    Column("data", JsonText),
    Column("state_details", JsonText, nullable=False),
    Column("transition_id", Id),
    Index("ix_task_run_states__task_run_id", "task_run_id", "timestamp"),
)

# What a run is to take when it proposes a cache key: the state that the newest unexpired row of the key names. Where
# that state is gone with its run, there is nothing to take, also if older rows are left.
task_run_state_cache = Table(
    "task_run_state_cache",
    metadata,
    Column("id", Id, primary_key=True),
    Column("created", UtcTime, nullable=False),
    Column("cache_key", Text, nullable=False),
    Column("cache_expiration", UtcTime),
    Column("task_run_state_id", Id, nullable=False),
    Index("ix_task_run_state_cache__cache_key", "cache_key", "created"),
    Index("ix_task_run_state_cache__cache_expiration", "cache_expiration"),
)
