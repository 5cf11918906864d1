"""What runs leave behind: log lines, events, artifacts."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table

from interlock.storage.tables.columns import identity, metadata
from interlock.storage.types import Id, Json, JsonText, Text, UtcTime

logs = Table(
    "logs",
    metadata,
    *identity(),
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
    *identity(),
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
    *identity(),
    Column("key", Text, nullable=False, unique=True),
    Column("latest_id", Id, nullable=False, index=True),
    Column("type", Text),
    Column("description", Text),
    Column("data", Json),
    Column("metadata_", Json),
    Column("flow_run_id", Id),
    Column("task_run_id", Id),
)
