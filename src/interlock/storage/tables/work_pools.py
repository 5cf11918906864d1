"""Work pools, the queues in which their runs wait, and the workers that take runs out of them."""

from sqlalchemy import Boolean, Column, Index, Integer, Table, UniqueConstraint

from interlock.storage.tables.columns import identity, metadata, owned_by
from interlock.storage.types import Id, Json, Text, UtcTime

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
    Column("storage_configuration", Json, nullable=False, server_default="{}"),
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
    # The tags and deployments whose runs an old kind of queue has, instead of those that are put into it.
    Column("filter", Json),
    UniqueConstraint("work_pool_id", "name"),
    Index("ix_work_queues__status", "status", "last_polled"),
)

workers = Table(
    "workers",
    metadata,
    *identity(),
    owned_by("work_pool_id", "work_pools.id", nullable=False),
    Column("name", Text, nullable=False),
    Column("last_heartbeat_time", UtcTime, nullable=False),
    Column("heartbeat_interval_seconds", Integer),
    Column("status", Text, nullable=False),
    UniqueConstraint("work_pool_id", "name"),
    Index("ix_workers__status", "status", "last_heartbeat_time"),
)
