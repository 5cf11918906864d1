"""Keep sums over all runs."""

import sqlalchemy as sa
from alembic import op

from interlock.storage import sums, types

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = ("run_sum_changes", "run_sums", "run_counts")
VALUES = (("runs", sa.BigInteger), ("run_time", sa.Float), ("lateness", sa.Float))


def upgrade() -> None:
    op.create_table(
        "run_counts",
        sa.Column("noun", types.Text(), nullable=False),
        sa.Column("state_type", types.Text(), nullable=False),
        sa.Column("runs", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("noun", "state_type", name="pk_run_counts"),
    )
    op.create_table(
        "run_sums",
        sa.Column("noun", types.Text(), nullable=False),
        sa.Column("minute", types.UtcTime(), nullable=False),
        sa.Column("state_type", types.Text(), nullable=False),
        sa.Column("state_name", types.Text(), nullable=False),
        *(sa.Column(name, kind(), nullable=False) for name, kind in VALUES),
        sa.PrimaryKeyConstraint("noun", "minute", "state_type", "state_name", name="pk_run_sums"),
    )
    op.create_table(
        "run_sum_changes",
        sa.Column("noun", types.Text(), nullable=False),
        sa.Column("state_type", types.Text(), nullable=False),
        sa.Column("state_name", types.Text(), nullable=True),
        sa.Column("minute", types.UtcTime(), nullable=True),
        *(sa.Column(name, kind(), nullable=False) for name, kind in VALUES),
    )
    sums.rebuild(op.get_bind())


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
