"""The schema over time: numbered steps, applied by command or at start.

What lives here: running the steps, and finding out which are due. What does not: the schema of today (tables/).
"""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text

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


def is_due(conn: Connection) -> bool:
    """Whether there are steps to apply; raises NewerDatabaseError where there is one that is not known here."""
    current = current_revision(conn)
    check_known(current)
    return current != known_revisions()[-1]


def upgrade_if_needed(conn: Connection) -> None:
    """Apply the steps that are due, within the caller's transaction. Raises NewerDatabaseError.

    Alembic is loaded only when there is something to do: it would double the time of an ordinary start.
    """
    if is_due(conn):
        migrate(conn, "head")


def check_known(current: str | None) -> None:
    """Raise NewerDatabaseError where the database is at a step that this program does not have."""
    known = known_revisions()
    if current is not None and current not in known:
        raise NewerDatabaseError(
            f"the database is at schema {current}, this version of Interlock knows {known[-1]} at most: "
            "start it with the version that wrote it, or a newer one"
        )


def migrate(conn: Connection, revision: str, *, down: bool = False) -> None:
    """Bring the database to a revision ("head", "base", a number, a step like "-1"), within the caller's transaction.

    Raises NewerDatabaseError, and Alembic's CommandError for an unknown revision.
    """
    from alembic import command

    check_known(current_revision(conn))
    run = command.downgrade if down else command.upgrade
    run(alembic_config(conn), revision)


def alembic_config(conn: Connection | None = None) -> Any:
    """Alembic's configuration for these steps on an open connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.attributes["connection"] = conn
    return config
