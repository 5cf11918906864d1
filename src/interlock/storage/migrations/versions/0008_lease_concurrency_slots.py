"""Lease concurrency slots, of tags too: the limit of a tag becomes the global limit of the name `tag:` and the tag.

Where a global limit had that name already, the tag's takes its place: it is the one that task runs were held to.
"""

import sqlalchemy as sa
from alembic import op

from interlock.storage import types

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TAG_LIMITS = "concurrency_limits"
LIMITS = "concurrency_limits_v2"
SLOTS = "concurrency_slots"
LEASES = "concurrency_leases"
LEASE_SLOTS = "concurrency_lease_slots"

PREFIX = "tag:"
IS_TAG_LIMIT = f"substr(name, 1, {len(PREFIX)}) = '{PREFIX}'"
INITIAL_OCCUPANCY_SECONDS = 2.0


def upgrade() -> None:
    op.execute(f"DELETE FROM {LIMITS} WHERE name IN (SELECT '{PREFIX}' || tag FROM {TAG_LIMITS})")
    op.execute(
        f'INSERT INTO {LIMITS} (id, created, updated, active, name, "limit", active_slots, denied_slots,'
        " slot_decay_per_second, avg_slot_occupancy_seconds)"
        f" SELECT id, created, updated, true, '{PREFIX}' || tag, concurrency_limit, 0, 0, 0.0,"
        f" {INITIAL_OCCUPANCY_SECONDS} FROM {TAG_LIMITS}"
    )
    _replace_slots(LIMITS)
    op.drop_table(TAG_LIMITS)
    op.create_table(
        LEASES,
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created", types.UtcTime(), nullable=False),
        sa.Column("expires", types.UtcTime(), nullable=False),
        sa.Column("holder_type", types.Text(), nullable=True),
        sa.Column("holder_id", types.Id(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=f"pk_{LEASES}"),
    )
    op.create_index(f"ix_{LEASES}__expires", LEASES, ["expires"])
    op.create_table(
        LEASE_SLOTS,
        sa.Column("lease_id", types.Id(), nullable=False),
        sa.Column("concurrency_limit_id", types.Id(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("is_stored", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["lease_id"], [f"{LEASES}.id"], f"fk_{LEASE_SLOTS}__lease_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["concurrency_limit_id"],
            [f"{LIMITS}.id"],
            f"fk_{LEASE_SLOTS}__concurrency_limit_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("lease_id", "concurrency_limit_id", name=f"pk_{LEASE_SLOTS}"),
    )
    op.create_index(f"ix_{LEASE_SLOTS}__concurrency_limit_id", LEASE_SLOTS, ["concurrency_limit_id"])


def downgrade() -> None:
    op.drop_table(LEASE_SLOTS)
    op.drop_table(LEASES)
    op.create_table(
        TAG_LIMITS,
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("created", types.UtcTime(), nullable=False),
        sa.Column("updated", types.UtcTime(), nullable=False),
        sa.Column("tag", types.Text(), nullable=False),
        sa.Column("concurrency_limit", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{TAG_LIMITS}"),
        sa.UniqueConstraint("tag", name=f"uq_{TAG_LIMITS}__tag"),
    )
    op.execute(
        f"INSERT INTO {TAG_LIMITS} (id, created, updated, tag, concurrency_limit)"
        f' SELECT id, created, updated, substr(name, {len(PREFIX) + 1}), "limit" FROM {LIMITS} WHERE {IS_TAG_LIMIT}'
    )
    _replace_slots(TAG_LIMITS)
    op.execute(f"DELETE FROM {LIMITS} WHERE {IS_TAG_LIMIT}")


def _replace_slots(limits: str) -> None:
    """Have the slots refer to another table of limits, which has the same ids."""
    op.create_table(
        "new_slots",
        sa.Column("concurrency_limit_id", types.Id(), nullable=False),
        sa.Column("task_run_id", types.Id(), nullable=False),
    )
    op.execute(f"INSERT INTO new_slots SELECT concurrency_limit_id, task_run_id FROM {SLOTS}")
    op.drop_table(SLOTS)
    op.rename_table("new_slots", SLOTS)
    with op.batch_alter_table(SLOTS) as batch:
        batch.create_primary_key(f"pk_{SLOTS}", ["concurrency_limit_id", "task_run_id"])
        batch.create_foreign_key(
            f"fk_{SLOTS}__concurrency_limit_id", limits, ["concurrency_limit_id"], ["id"], ondelete="CASCADE"
        )
    op.create_index(f"ix_{SLOTS}__task_run_id", SLOTS, ["task_run_id"])
