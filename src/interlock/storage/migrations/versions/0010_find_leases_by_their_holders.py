"""Find leases of concurrency slots by who holds them."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INDEX = "ix_concurrency_leases__holder_id"


def upgrade() -> None:
    op.create_index(INDEX, "concurrency_leases", ["holder_id"])


def downgrade() -> None:
    op.drop_index(INDEX, "concurrency_leases")
