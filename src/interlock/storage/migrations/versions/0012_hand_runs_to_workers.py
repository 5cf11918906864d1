"""Hand runs to workers: what is kept of pools, queues and workers, and the pool that is always there."""

import uuid
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from interlock.storage import types

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

POOLS, QUEUES, WORKERS = "work_pools", "work_queues", "workers"
RUN_INDEX, DEPLOYMENT_INDEX = "ix_flow_runs__work_queue_id", "ix_deployments__work_queue_id"
IN_A_QUEUE = sa.text("work_queue_id IS NOT NULL")


def upgrade() -> None:
    op.add_column(POOLS, sa.Column("storage_configuration", types.Json(), nullable=False, server_default="{}"))
    op.add_column(QUEUES, sa.Column("filter", types.Json(), nullable=True))
    op.create_index(f"ix_{QUEUES}__status", QUEUES, ["status", "last_polled"])
    op.create_table(
        WORKERS,
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created", types.UtcTime(), nullable=False),
        sa.Column("updated", types.UtcTime(), nullable=False),
        sa.Column("work_pool_id", types.Id(), nullable=False),
        sa.Column("name", types.Text(), nullable=False),
        sa.Column("last_heartbeat_time", types.UtcTime(), nullable=False),
        sa.Column("heartbeat_interval_seconds", sa.Integer(), nullable=True),
        sa.Column("status", types.Text(), nullable=False),
        sa.ForeignKeyConstraint(["work_pool_id"], [f"{POOLS}.id"], f"fk_{WORKERS}__work_pool_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=f"pk_{WORKERS}"),
        sa.UniqueConstraint("work_pool_id", "name", name=f"uq_{WORKERS}__work_pool_id_name"),
    )
    op.create_index(f"ix_{WORKERS}__status", WORKERS, ["status", "last_heartbeat_time"])
    op.drop_index(RUN_INDEX)
    op.create_index(
        RUN_INDEX,
        "flow_runs",
        ["work_queue_id", "state_type", "next_scheduled_start_time"],
        sqlite_where=IN_A_QUEUE,
        postgresql_where=IN_A_QUEUE,
    )
    op.drop_index(DEPLOYMENT_INDEX)
    op.create_index(DEPLOYMENT_INDEX, "deployments", ["work_queue_id", "status"])
    _make_default_pool()


def _make_default_pool() -> None:
    """The pool of queues that name none. Deployments that were given to a queue of a name are put into it."""
    now, pool_id = datetime.now(UTC), str(uuid.uuid4())
    named = {"default": str(uuid.uuid4())}
    conn = op.get_bind()
    waiting = sa.text("SELECT DISTINCT work_queue_name FROM deployments WHERE work_queue_name IS NOT NULL")
    named |= {x: str(uuid.uuid4()) for (x,) in conn.execute(waiting) if x != "default"}
    made = {"created": now, "updated": now, "is_paused": False}
    pool = {"id": pool_id, "name": "default-agent-pool", "type": "prefect-agent", "status": "NOT_READY"}
    conn.execute(_POOLS.insert(), made | pool | {"base_job_template": {}, "default_queue_id": named["default"]})
    for priority, (name, queue_id) in enumerate(named.items(), start=1):
        queue = {"id": queue_id, "name": name, "description": "", "priority": priority, "work_pool_id": pool_id}
        conn.execute(_QUEUES.insert(), made | queue | {"status": "NOT_READY"})
        put = sa.text("UPDATE deployments SET work_queue_id = :queue_id WHERE work_queue_name = :name")
        conn.execute(put.bindparams(sa.bindparam("queue_id", queue_id, types.Id()), name=name))


_POOLS = sa.table(
    POOLS,
    sa.column("id", types.Id()),
    sa.column("created", types.UtcTime()),
    sa.column("updated", types.UtcTime()),
    sa.column("name", types.Text()),
    sa.column("type", types.Text()),
    sa.column("base_job_template", types.Json()),
    sa.column("is_paused", sa.Boolean()),
    sa.column("default_queue_id", types.Id()),
    sa.column("status", types.Text()),
)
_QUEUES = sa.table(
    QUEUES,
    sa.column("id", types.Id()),
    sa.column("created", types.UtcTime()),
    sa.column("updated", types.UtcTime()),
    sa.column("name", types.Text()),
    sa.column("description", types.Text()),
    sa.column("is_paused", sa.Boolean()),
    sa.column("priority", sa.Integer()),
    sa.column("status", types.Text()),
    sa.column("work_pool_id", types.Id()),
)


def downgrade() -> None:
    # Before there were pools, deployments had the names of their queues alone.
    op.execute("UPDATE deployments SET work_queue_id = NULL")
    op.execute("UPDATE flow_runs SET work_queue_id = NULL WHERE work_queue_id IS NOT NULL")
    op.execute(f"DELETE FROM {QUEUES}")
    op.execute(f"DELETE FROM {POOLS}")
    op.drop_index(DEPLOYMENT_INDEX)
    op.create_index(DEPLOYMENT_INDEX, "deployments", ["work_queue_id"])
    op.drop_index(RUN_INDEX)
    op.create_index(RUN_INDEX, "flow_runs", ["work_queue_id"])
    op.drop_table(WORKERS)
    op.drop_index(f"ix_{QUEUES}__status")
    op.drop_column(QUEUES, "filter")
    op.drop_column(POOLS, "storage_configuration")
