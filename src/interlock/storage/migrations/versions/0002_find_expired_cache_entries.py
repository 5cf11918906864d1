"""Find expired cache entries."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INDEX = "ix_task_run_state_cache__cache_expiration"
TABLE = "task_run_state_cache"


def upgrade() -> None:
    op.create_index(INDEX, TABLE, ["cache_expiration"])


def downgrade() -> None:
    op.drop_index(INDEX, TABLE)
