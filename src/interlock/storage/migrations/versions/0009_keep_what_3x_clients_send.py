"""Keep what 3.x clients send: variables of any JSON, schedules with a name and parameters, limits of deployments."""

import sqlalchemy as sa
from alembic import op

from interlock.storage import types

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SCHEDULES = "deployment_schedules"


def upgrade() -> None:
    with op.batch_alter_table("variables") as batch:
        batch.add_column(sa.Column("is_json", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("variables") as batch:
        batch.alter_column("is_json", server_default=None)
    with op.batch_alter_table(SCHEDULES) as batch:
        batch.add_column(sa.Column("parameters", types.Json(), nullable=False, server_default="{}"))
        batch.add_column(sa.Column("slug", types.Text(), nullable=True))
    with op.batch_alter_table(SCHEDULES) as batch:
        batch.alter_column("parameters", server_default=None)
        batch.create_unique_constraint("uq_deployment_schedules__deployment_id_slug", ["deployment_id", "slug"])
    op.add_column("deployments", sa.Column("concurrency_limit_id", types.Id(), nullable=True))
    op.add_column("deployments", sa.Column("concurrency_options", types.Json(), nullable=True))


def downgrade() -> None:
    # Not by way of a new table in its place: schedules and runs go with the old one.
    op.drop_column("deployments", "concurrency_options")
    op.drop_column("deployments", "concurrency_limit_id")
    with op.batch_alter_table(SCHEDULES) as batch:
        batch.drop_constraint("uq_deployment_schedules__deployment_id_slug", type_="unique")
        batch.drop_column("slug")
        batch.drop_column("parameters")
    with op.batch_alter_table("variables") as batch:
        batch.drop_column("is_json")
