"""Sum up the task runs of each tag."""

import sqlalchemy as sa
from alembic import op

from interlock.storage import tag_sums, types

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

KEYS = (("tag", types.Text), ("minute", types.UtcTime), ("state_type", types.Text), ("state_name", types.Text))
VALUES = (("runs", sa.BigInteger), ("run_time", sa.Float), ("lateness", sa.Float))


def upgrade() -> None:
    op.create_table(
        "tag_sums",
        *(sa.Column(name, kind(), nullable=False) for name, kind in (*KEYS, *VALUES)),
        sa.PrimaryKeyConstraint(*(name for name, _ in KEYS), name="pk_tag_sums"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tag_sum_changes",
        *(sa.Column(name, kind(), nullable=False) for name, kind in (*KEYS, *VALUES)),
    )
    tag_sums.rebuild(op.get_bind())


def downgrade() -> None:
    op.drop_table("tag_sum_changes")
    op.drop_table("tag_sums")
