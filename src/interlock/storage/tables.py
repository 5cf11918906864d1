"""The schema: one table a noun, the same on both databases.

What lives here: tables, keys and indexes. What does not: how they change over time (migrations/) and what is asked of
them (queries/).
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
    and_,
    text,
)

from interlock.storage.types import Id, Json, JsonText, Text, TextList, UtcTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s__%(column_0_N_name)s",
        "uq": "uq_%(table_name)s__%(column_0_N_name)s",
        "fk": "fk_%(table_name)s__%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _sums() -> tuple[Column[Any], ...]:
    """What is added up of runs."""
    return (
        Column("runs", BigInteger, nullable=False),
        Column("run_time", Float, nullable=False),
        Column("lateness", Float, nullable=False),
    )


def _identity() -> list[Column[object]]:
    """The three columns that every record has."""
    return [
        Column("id", Id, primary_key=True),
        Column("created", UtcTime, nullable=False),
        Column("updated", UtcTime, nullable=False),
    ]


def _owned_by(column: str, target: str, **options: object) -> Column[object]:
    """A reference whose row goes when its owner goes."""
    return Column(column, Id, ForeignKey(target, ondelete="CASCADE"), **options)  # type: ignore[arg-type]


def _in_order(table: str, column: str) -> Index:
    """What pages sorted by the column are read from, in either direction: NULLs first, as SQLite has them by itself."""
    return Index(f"ix_{table}__{column}", column, "id", postgresql_ops={column: "NULLS FIRST"})


# Counts by state, and all that the history adds up: with these in one index it reads no rows.
_STATE_AND_TIMES = (
    "state_type",
    "state_name",
    "expected_start_time",
    "start_time",
    "total_run_time",
    "state_timestamp",
)

flows = Table(
    "flows",
    metadata,
    *_identity(),
    Column("name", Text, nullable=False, unique=True),
    Column("tags", TextList, nullable=False),
    Column("labels", Json, nullable=False),
)

deployments = Table(
    "deployments",
    metadata,
    *_identity(),
    _owned_by("flow_id", "flows.id", nullable=False),
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
    _owned_by("storage_document_id", "block_documents.id"),
    _owned_by("infrastructure_document_id", "block_documents.id"),
    Column("created_by", Json),
    Column("updated_by", Json),
    Column("enforce_parameter_schema", Boolean, nullable=False),
    Column("status", Text, nullable=False),
    # No foreign key: a limit that is gone is none.
    Column("concurrency_limit_id", Id),
    Column("concurrency_options", Json),
    UniqueConstraint("flow_id", "name"),
    Index("ix_deployments__created", "created"),
)

deployment_schedules = Table(
    "deployment_schedules",
    metadata,
    *_identity(),
    _owned_by("deployment_id", "deployments.id", nullable=False, index=True),
    Column("schedule", Json, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("max_active_runs", Integer),
    Column("max_scheduled_runs", Integer),
    Column("catchup", Boolean, nullable=False),
    Column("parameters", Json, nullable=False),
    Column("slug", Text),
    UniqueConstraint("deployment_id", "slug"),
)

flow_runs = Table(
    "flow_runs",
    metadata,
    *_identity(),
    Column("name", Text, nullable=False),
    _owned_by("flow_id", "flows.id", nullable=False),
    Column("deployment_id", Id, index=True),
    Column("deployment_version", Text),
    Column("work_queue_id", Id, index=True),
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
    _owned_by("infrastructure_document_id", "block_documents.id"),
    Column("infrastructure_pid", Text),
    Column("created_by", JsonText),
    Column("job_variables", JsonText, nullable=False),
    UniqueConstraint("flow_id", "idempotency_key"),
    _in_order("flow_runs", "expected_start_time"),
    _in_order("flow_runs", "start_or_expected_time"),
    _in_order("flow_runs", "end_time"),
    _in_order("flow_runs", "next_scheduled_start_time"),
    Index("ix_flow_runs__name", "name", "id"),
    Index("ix_flow_runs__state", *_STATE_AND_TIMES),
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
    _owned_by("flow_run_id", "flow_runs.id", nullable=False),
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
    *_identity(),
    _owned_by("flow_run_id", "flow_runs.id", nullable=False),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("sender", Text),
    UniqueConstraint("flow_run_id", "key"),
)

task_runs = Table(
    "task_runs",
    metadata,
    *_identity(),
    Column("name", Text, nullable=False),
    _owned_by("flow_run_id", "flow_runs.id"),
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
    _in_order("task_runs", "expected_start_time"),
    _in_order("task_runs", "next_scheduled_start_time"),
    _in_order("task_runs", "end_time"),
    Index("ix_task_runs__start_time", "start_time"),
    Index("ix_task_runs__name", "name", "id"),
    Index("ix_task_runs__state", *_STATE_AND_TIMES),
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
    _owned_by("task_run_id", "task_runs.id", nullable=False),
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

# Servers that have task workers, each with a number that grows while it lives.
servers = Table(
    "servers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("beats", BigInteger, nullable=False),
    # Deliveries a second by the key of the task, as a JSON object.
    Column("delivery_rates", Json, nullable=False),
)

# Who has subscribed to scheduled task runs, one row a socket. One that has ended stays for a while: what it had in hand
# may still be taken up. The keys of its tasks are in the order in which they are to be served.
task_workers = Table(
    "task_workers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("server_id", Id, ForeignKey("servers.id", ondelete="SET NULL"), index=True),
    Column("client_id", Text),
    Column("task_keys", TextList, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("ended", UtcTime),
)

# Background task runs on their way to a worker and, once it has `taken` them, until their end. One that is neither
# taken nor leased to a worker is given to the next one from the time at which it is `available`.
task_run_queue = Table(
    "task_run_queue",
    metadata,
    Column("task_run_id", Id, ForeignKey("task_runs.id", ondelete="CASCADE"), primary_key=True),
    Column("task_key", Text, nullable=False),
    Column("front", Boolean, nullable=False),
    Column("available", UtcTime, nullable=False),
    Column("worker_id", Id),
    Column("delivered", UtcTime),
    Column("taken", Boolean, nullable=False),
)
IS_WAITING = and_(task_run_queue.c.worker_id.is_(None), task_run_queue.c.taken.is_(False))
Index(
    "ix_task_run_queue__waiting",
    task_run_queue.c.task_key,
    task_run_queue.c.front,
    task_run_queue.c.available,
    task_run_queue.c.task_run_id,
    sqlite_where=IS_WAITING,
    postgresql_where=IS_WAITING,
)
Index(
    "ix_task_run_queue__taken",
    task_run_queue.c.task_run_id,
    sqlite_where=task_run_queue.c.taken.is_(True),
    postgresql_where=task_run_queue.c.taken.is_(True),
)
Index(
    "ix_task_run_queue__worker_id",
    task_run_queue.c.worker_id,
    sqlite_where=task_run_queue.c.worker_id.is_not(None),
    postgresql_where=task_run_queue.c.worker_id.is_not(None),
)

# How many runs are in a state of each type, or in none, which has an empty type. A noun is the name of a table of runs.
# What keeps this and the next two tables is in sums.py.
run_counts = Table(
    "run_counts",
    metadata,
    Column("noun", Text, primary_key=True),
    Column("state_type", Text, primary_key=True),
    Column("runs", BigInteger, nullable=False),
)

# The runs that have ended, by state and by the minute in which they were expected to start.
run_sums = Table(
    "run_sums",
    metadata,
    Column("noun", Text, primary_key=True),
    Column("minute", UtcTime, primary_key=True),
    Column("state_type", Text, primary_key=True),
    Column("state_name", Text, primary_key=True),
    *_sums(),
)

# What is still to be added to both. Rows for run_counts alone have neither minute nor name.
run_sum_changes = Table(
    "run_sum_changes",
    metadata,
    Column("noun", Text, nullable=False),
    Column("state_type", Text, nullable=False),
    Column("state_name", Text),
    Column("minute", UtcTime),
    *_sums(),
)

# The limit of a tag is the global limit of the name `tag:` and the tag.
concurrency_limits_v2 = Table(
    "concurrency_limits_v2",
    metadata,
    *_identity(),
    Column("active", Boolean, nullable=False),
    Column("name", Text, nullable=False, unique=True),
    Column("limit", Integer, nullable=False),
    Column("active_slots", Integer, nullable=False),
    Column("denied_slots", Integer, nullable=False),
    Column("slot_decay_per_second", Float, nullable=False),
    Column("avg_slot_occupancy_seconds", Float, nullable=False),
)

# Who holds the slots of a tag's limit by its transitions. An operator may reset a limit to any ids, so that a holder
# need not be a run that is known here.
concurrency_slots = Table(
    "concurrency_slots",
    metadata,
    Column("concurrency_limit_id", Id, ForeignKey("concurrency_limits_v2.id", ondelete="CASCADE"), primary_key=True),
    Column("task_run_id", Id, primary_key=True, index=True),
)

# Slots that a client holds for as long as it says so from time to time. The holder is who it says that it is for, and
# need not be known here.
concurrency_leases = Table(
    "concurrency_leases",
    metadata,
    Column("id", Id, primary_key=True),
    Column("created", UtcTime, nullable=False),
    Column("expires", UtcTime, nullable=False, index=True),
    Column("holder_type", Text),
    Column("holder_id", Id),
)

# What a lease holds of a limit, until it expires. Where the limit's slots free themselves, they are among its
# `active_slots` instead (`is_stored`).
concurrency_lease_slots = Table(
    "concurrency_lease_slots",
    metadata,
    _owned_by("lease_id", "concurrency_leases.id", primary_key=True),
    _owned_by("concurrency_limit_id", "concurrency_limits_v2.id", primary_key=True, index=True),
    Column("slots", Integer, nullable=False),
    Column("is_stored", Boolean, nullable=False),
)

logs = Table(
    "logs",
    metadata,
    *_identity(),
    Column("name", Text, nullable=False),
    Column("level", Integer, nullable=False),
    Column("message", Text, nullable=False),
    Column("timestamp", UtcTime, nullable=False),
    Column("flow_run_id", Id),
    Column("task_run_id", Id),
    Index("ix_logs__timestamp", "timestamp", "id"),
    Index("ix_logs__flow_run_id", "flow_run_id", "timestamp"),
    Index("ix_logs__task_run_id", "task_run_id", "timestamp"),
)

# What happened, in the order in which it was stored (`seq`). An event that tells of a run's state has the id of that
# state and the `noun` of the run, and nothing of its own: the ledger has it (state_events.py).
events = Table(
    "events",
    metadata,
    Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    Column("id", Id, nullable=False, unique=True),
    Column("occurred", UtcTime, nullable=False),
    Column("received", UtcTime, nullable=False),
    Column("event", Text, nullable=False),
    Column("noun", Text),
    Column("resource", JsonText),
    Column("related", JsonText),
    Column("payload", JsonText),
    Column("follows", Id),
    Index("ix_events__occurred", "occurred", "seq"),
    sqlite_autoincrement=True,
)

# The events of a resource, for those that are kept whole.
event_resources = Table(
    "event_resources",
    metadata,
    Column("resource_id", Text, primary_key=True),
    Column("event_id", Id, primary_key=True),
    sqlite_with_rowid=False,
)

artifacts = Table(
    "artifacts",
    metadata,
    *_identity(),
    Column("key", Text, index=True),
    Column("type", Text),
    Column("description", Text),
    Column("data", Json),
    Column("metadata_", Json),
    Column("flow_run_id", Id, index=True),
    Column("task_run_id", Id, index=True),
)

# The newest artifact of each key.
artifact_collections = Table(
    "artifact_collections",
    metadata,
    *_identity(),
    Column("key", Text, nullable=False, unique=True),
    Column("latest_id", Id, nullable=False, index=True),
    Column("type", Text),
    Column("description", Text),
    Column("data", Json),
    Column("metadata_", Json),
    Column("flow_run_id", Id),
    Column("task_run_id", Id),
)

variables = Table(
    "variables",
    metadata,
    *_identity(),
    Column("name", Text, nullable=False, unique=True),
    Column("value", Text, nullable=False),
    Column("tags", TextList, nullable=False),
    # Whether the text is JSON, of a value that is no text.
    Column("is_json", Boolean, nullable=False),
)

block_types = Table(
    "block_types",
    metadata,
    *_identity(),
    Column("name", Text, nullable=False),
    Column("slug", Text, nullable=False, unique=True),
    Column("logo_url", Text),
    Column("documentation_url", Text),
    Column("description", Text),
    Column("code_example", Text),
    Column("is_protected", Boolean, nullable=False),
)

block_schemas = Table(
    "block_schemas",
    metadata,
    *_identity(),
    Column("checksum", Text, nullable=False),
    Column("fields", JsonText, nullable=False),
    Column("capabilities", TextList, nullable=False),
    Column("version", Text, nullable=False),
    _owned_by("block_type_id", "block_types.id", nullable=False, index=True),
    UniqueConstraint("checksum", "version"),
)

block_schema_references = Table(
    "block_schema_references",
    metadata,
    *_identity(),
    Column("name", Text, nullable=False),
    _owned_by("parent_block_schema_id", "block_schemas.id", nullable=False, index=True),
    _owned_by("reference_block_schema_id", "block_schemas.id", nullable=False, index=True),
)

block_documents = Table(
    "block_documents",
    metadata,
    *_identity(),
    Column("name", Text, nullable=False),
    # Encrypted as a whole.
    Column("data", Text, nullable=False),
    Column("is_anonymous", Boolean, nullable=False),
    Column("block_type_name", Text),
    _owned_by("block_type_id", "block_types.id", nullable=False),
    _owned_by("block_schema_id", "block_schemas.id", nullable=False, index=True),
    UniqueConstraint("block_type_id", "name"),
)

block_document_references = Table(
    "block_document_references",
    metadata,
    *_identity(),
    Column("name", Text, nullable=False),
    _owned_by("parent_block_document_id", "block_documents.id", nullable=False, index=True),
    _owned_by("reference_block_document_id", "block_documents.id", nullable=False, index=True),
)

saved_searches = Table(
    "saved_searches",
    metadata,
    *_identity(),
    Column("name", Text, nullable=False, unique=True),
    Column("filters", Json, nullable=False),
)

work_pools = Table(
    "work_pools",
    metadata,
    *_identity(),
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
    *_identity(),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("is_paused", Boolean, nullable=False),
    Column("concurrency_limit", Integer),
    Column("priority", Integer, nullable=False),
    Column("last_polled", UtcTime),
    Column("status", Text, nullable=False),
    _owned_by("work_pool_id", "work_pools.id", nullable=False),
    UniqueConstraint("work_pool_id", "name"),
)

# Facts about this database: the key that seals secret block fields.
configuration = Table(
    "configuration",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Json, nullable=False),
)
