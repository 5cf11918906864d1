"""Lease queued task runs to workers."""

import sqlalchemy as sa
from alembic import op

from interlock.storage import types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

QUEUE = "task_run_queue"
IS_WAITING = sa.and_(sa.column("worker_id").is_(None), sa.column("taken", sa.Boolean).is_(False))
IS_TAKEN = sa.column("taken", sa.Boolean).is_(True)
HAS_WORKER = sa.column("worker_id").is_not(None)


def upgrade() -> None:
    op.create_table(
        "servers",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("beats", sa.BigInteger(), nullable=False),
        sa.Column("delivery_rates", types.Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_servers"),
    )
    op.create_table(
        "task_workers",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("server_id", types.Id(), nullable=True),
        sa.Column("client_id", types.Text(), nullable=True),
        sa.Column("task_keys", types.TextList(), nullable=False),
        sa.Column("since", types.UtcTime(), nullable=False),
        sa.Column("ended", types.UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["server_id"], ["servers.id"], name="fk_task_workers__server_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_task_workers"),
    )
    op.create_index("ix_task_workers__server_id", "task_workers", ["server_id"])
    op.drop_index("ix_task_run_queue__task_key", QUEUE)
    _replace_queue(
        sa.Column("available", types.UtcTime(), nullable=False),
        sa.Column("worker_id", types.Id(), nullable=True),
        sa.Column("delivered", types.UtcTime(), nullable=True),
        sa.Column("taken", sa.Boolean(), nullable=False),
        values="CASE WHEN due > enqueued THEN due ELSE enqueued END, NULL, NULL, false",
    )
    op.create_index(
        "ix_task_run_queue__waiting",
        QUEUE,
        ["task_key", "front", "available", "task_run_id"],
        sqlite_where=IS_WAITING,
        postgresql_where=IS_WAITING,
    )
    op.create_index(
        "ix_task_run_queue__taken", QUEUE, ["task_run_id"], sqlite_where=IS_TAKEN, postgresql_where=IS_TAKEN
    )
    op.create_index(
        "ix_task_run_queue__worker_id", QUEUE, ["worker_id"], sqlite_where=HAS_WORKER, postgresql_where=HAS_WORKER
    )


def downgrade() -> None:
    op.drop_index("ix_task_run_queue__worker_id", QUEUE)
    op.drop_index("ix_task_run_queue__taken", QUEUE)
    op.drop_index("ix_task_run_queue__waiting", QUEUE)
    op.execute(f"DELETE FROM {QUEUE} WHERE taken")
    _replace_queue(
        sa.Column("due", types.UtcTime(), nullable=True),
        sa.Column("enqueued", types.UtcTime(), nullable=False),
        values="available, available",
    )
    op.create_index("ix_task_run_queue__task_key", QUEUE, ["task_key", "front", "enqueued"])
    op.drop_table("task_workers")
    op.drop_table("servers")


def _replace_queue(*columns: sa.Column[object], values: str) -> None:
    """Put a table with other columns in the queue's place."""
    op.create_table(
        "new_queue",
        sa.Column("task_run_id", types.Id(), nullable=False),
        sa.Column("task_key", types.Text(), nullable=False),
        sa.Column("front", sa.Boolean(), nullable=False),
        *columns,
    )
    op.execute(f"INSERT INTO new_queue SELECT task_run_id, task_key, front, {values} FROM {QUEUE}")
    op.drop_table(QUEUE)
    op.rename_table("new_queue", QUEUE)
    with op.batch_alter_table(QUEUE) as batch:
        batch.create_primary_key(f"pk_{QUEUE}", ["task_run_id"])
        batch.create_foreign_key(f"fk_{QUEUE}__task_run_id", "task_runs", ["task_run_id"], ["id"], ondelete="CASCADE")
