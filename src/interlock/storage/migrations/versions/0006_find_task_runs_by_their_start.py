"""Find task runs by the time when they started."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INDEX = "ix_task_runs__start_time"


def upgrade() -> None:
    op.create_index(INDEX, "task_runs", ["start_time"])


def downgrade() -> None:
    op.drop_index(INDEX, "task_runs")
