"""Keep events."""

import sqlalchemy as sa
from alembic import op

from interlock.storage import types

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("occurred", types.UtcTime(), nullable=False),
        sa.Column("received", types.UtcTime(), nullable=False),
        sa.Column("event", types.Text(), nullable=False),
        sa.Column("noun", types.Text()),
        sa.Column("resource", types.JsonText()),
        sa.Column("related", types.JsonText()),
        sa.Column("payload", types.JsonText()),
        sa.Column("follows", types.Id()),
        sa.PrimaryKeyConstraint("seq", name="pk_events"),
        sa.UniqueConstraint("id", name="uq_events__id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events__occurred", "events", ["occurred", "seq"])
    op.create_table(
        "event_resources",
        sa.Column("resource_id", types.Text(), nullable=False),
        sa.Column("event_id", types.Id(), nullable=False),
        sa.PrimaryKeyConstraint("resource_id", "event_id", name="pk_event_resources"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("event_resources")
    op.drop_table("events")
