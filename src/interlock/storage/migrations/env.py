"""Alembic's entry point: runs the steps on the connection that the caller opened."""

from typing import Any, Literal

from alembic import context

from interlock.storage.migrations import VERSION_TABLE
from interlock.storage.tables import metadata


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Spell our own column types as `types.Name()` in generated steps."""
    if kind == "type" and type(item).__module__ == "interlock.storage.types":
        return f"types.{type(item).__name__}()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_item=render_item,
)
with context.begin_transaction():
    context.run_migrations()
