"""The schema over time: numbered steps, applied by command or at start.

What lives here: running the steps, and finding out which are due. What does not: the schema of today (tables.py).
"""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, inspect, text

from interlock.storage.store import NewerDatabaseError

HERE = Path(__file__).parent
VERSION_TABLE = "interlock_version"


def known_revisions() -> list[str]:
    """The numbers of all steps that this program has, oldest first."""
    return sorted(path.stem.split("_")[0] for path in (HERE / "versions").glob("[0-9]*.py"))


def current_revision(conn: Connection) -> str | None:
    """The last step that was applied to this database, None for an empty one."""
    if not inspect(conn).has_table(VERSION_TABLE):
        return None
    return conn.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def upgrade_if_needed(engine: Engine) -> None:
    """Apply the steps that are due. Raises NewerDatabaseError where the database has a step that is not known here.

    Alembic is loaded only when there is something to do: it would double the time of an ordinary start.
    """
    with engine.connect() as conn:
        current = current_revision(conn)
    known = known_revisions()
    if current == known[-1]:
        return
    check_known(current)
    migrate(engine, "head")


def check_known(current: str | None) -> None:
    """Raise NewerDatabaseError where the database is at a step that this program does not have."""
    known = known_revisions()
    if current is not None and current not in known:
        raise NewerDatabaseError(
            f"the database is at schema {current}, this version of Interlock knows {known[-1]} at most: "
            "start it with the version that wrote it, or a newer one"
        )


def migrate(engine: Engine, revision: str, *, down: bool = False) -> None:
    """Bring the database to a revision ("head", "base", a number, or a step like "-1"), in one transaction."""
    from alembic import command

    with engine.begin() as conn:
        run = command.downgrade if down else command.upgrade
        run(alembic_config(conn), revision)


def alembic_config(conn: Connection | None = None) -> Any:
    """Alembic's configuration for these steps on an open connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.attributes["connection"] = conn
    return config
