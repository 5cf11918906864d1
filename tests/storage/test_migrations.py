"""The schema over time."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from interlock.storage import migrations
from interlock.storage.sqlite import create_sqlite_engine
from interlock.storage.store import NewerDatabaseError
from interlock.storage.tables import metadata


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return create_sqlite_engine(tmp_path / "ledger.db", "full")


def test_the_steps_lead_to_the_schema_of_today(engine: Engine) -> None:
    """What the migrations make is what tables.py declares."""
    migrations.upgrade_if_needed(engine)
    with engine.connect() as conn:
        options = {"compare_type": False, "include_name": lambda name, kind, _: name != migrations.VERSION_TABLE}
        differences = compare_metadata(MigrationContext.configure(conn, opts=options), metadata)
        assert migrations.current_revision(conn) == migrations.known_revisions()[-1]
    assert differences == []


def test_all_the_way_down_leaves_nothing_behind(engine: Engine) -> None:
    """Every step can be taken back."""
    migrations.upgrade_if_needed(engine)
    migrations.migrate(engine, "base", down=True)
    with engine.connect() as conn:
        assert set(inspect(conn).get_table_names()) <= {migrations.VERSION_TABLE}


def test_an_upgrade_that_is_not_due_changes_nothing(engine: Engine) -> None:
    """Starting twice is as good as once."""
    migrations.upgrade_if_needed(engine)
    migrations.upgrade_if_needed(engine)
    with engine.connect() as conn:
        assert migrations.current_revision(conn) == migrations.known_revisions()[-1]


def test_a_database_of_a_newer_program_is_refused(engine: Engine) -> None:
    """The message names both schemas."""
    migrations.upgrade_if_needed(engine)
    with engine.begin() as conn:
        conn.execute(text(f"UPDATE {migrations.VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(NewerDatabaseError, match="9999"):
        migrations.upgrade_if_needed(engine)
