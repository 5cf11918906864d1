"""Schedule runs: when each schedule is due and what it made; the runs that wait, by deployment and by time."""

import sqlalchemy as sa
from alembic import op

from interlock.storage import types

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None

SCHEDULES = "deployment_schedules"
DUE = "ix_deployment_schedules__due"
NEXT = "ix_flow_runs__deployment_id_next_scheduled_start_time"
NOT_LATE = "ix_flow_runs__not_late"
POLLED = "ix_deployments__polled"


def upgrade() -> None:
    op.add_column(SCHEDULES, sa.Column("due", types.UtcTime(), nullable=True))
    op.add_column(SCHEDULES, sa.Column("made", types.Json(), nullable=True))
    # None has made anything yet.
    op.execute(sa.text(f"UPDATE {SCHEDULES} SET due = created"))
    op.create_index(DUE, SCHEDULES, ["due"])
    waiting = sa.text("state_type = 'SCHEDULED'")
    on_time = sa.text("state_name = 'Scheduled'")
    ready = sa.text("status = 'READY'")
    op.create_index(
        NEXT,
        "flow_runs",
        ["deployment_id", "next_scheduled_start_time"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index(
        NOT_LATE, "flow_runs", ["next_scheduled_start_time"], sqlite_where=on_time, postgresql_where=on_time
    )
    op.create_index(POLLED, "deployments", ["last_polled"], sqlite_where=ready, postgresql_where=ready)


def downgrade() -> None:
    op.drop_index(POLLED, "deployments")
    op.drop_index(NOT_LATE, "flow_runs")
    op.drop_index(NEXT, "flow_runs")
    op.drop_index(DUE, SCHEDULES)
    op.drop_column(SCHEDULES, "made")
    op.drop_column(SCHEDULES, "due")
