"""Find task runs by their tags."""

import sqlalchemy as sa
from alembic import op

from interlock.storage import types

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE = "task_run_tags"
KEY_CHARACTERS = 200

TAGS = {
    "sqlite": "json_each(task_runs.tags)",
    "postgresql": "jsonb_array_elements_text(task_runs.tags) AS tag(value)",
}


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("tag", types.Text(), nullable=False),
        sa.Column("task_run_id", types.Id(), nullable=False),
        sa.PrimaryKeyConstraint("tag", "task_run_id", name=f"pk_{TABLE}"),
        sqlite_with_rowid=False,
    )
    op.execute(
        f"INSERT INTO {TABLE} SELECT DISTINCT substr(value, 1, {KEY_CHARACTERS}), task_runs.id"
        f" FROM task_runs, {TAGS[op.get_context().dialect.name]} ORDER BY 1, 2"
    )


def downgrade() -> None:
    op.drop_table(TABLE)
