"""Schedule runs: when each schedule is due and what it made; the runs that wait, by deployment and by time."""

import sqlalchemy as sa
from alembic import op

from interlock.storage import types

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SCHEDULES = "deployment_schedules"
DUE = "ix_deployment_schedules__due"
INDEXES = (
    ("ix_deployments__polled", "deployments", ["last_polled"], "status = 'READY'"),
    (
        "ix_flow_runs__deployment_id_next_scheduled_start_time",
        "flow_runs",
        ["deployment_id", "next_scheduled_start_time"],
        "coalesce(state_type, '') = 'SCHEDULED'",
    ),
    ("ix_flow_runs__not_late", "flow_runs", ["next_scheduled_start_time"], "state_name = 'Scheduled'"),
    ("ix_flow_runs__paused", "flow_runs", ["id"], "coalesce(state_type, '') = 'PAUSED'"),
    ("ix_flow_runs__cancelled", "flow_runs", ["end_time", "id"], "coalesce(state_type, '') = 'CANCELLED'"),
    (
        "ix_flow_runs__open_subflows",
        "flow_runs",
        ["state_timestamp", "id"],
        "parent_task_run_id IS NOT NULL"
        " AND coalesce(state_type, '') NOT IN ('COMPLETED', 'CANCELLED', 'FAILED', 'CRASHED')",
    ),
)


def upgrade() -> None:
    op.add_column(SCHEDULES, sa.Column("due", types.UtcTime(), nullable=True))
    op.add_column(SCHEDULES, sa.Column("made", types.Json(), nullable=True))
    # None has made anything yet.
    op.execute(sa.text(f"UPDATE {SCHEDULES} SET due = created"))
    op.create_index(DUE, SCHEDULES, ["due"])
    for name, table, columns, condition in INDEXES:
        where = sa.text(condition)
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name, table, *_ in reversed(INDEXES):
        op.drop_index(name, table)
    op.drop_index(DUE, SCHEDULES)
    op.drop_column(SCHEDULES, "made")
    op.drop_column(SCHEDULES, "due")
