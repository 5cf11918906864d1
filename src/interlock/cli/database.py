"""`interlock database`: the schema and the file of the embedded database."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy import Engine

from interlock.cli.common import database_url, fail, load_settings, one_line_errors
from interlock.storage import migrations
from interlock.storage.sqlite import create_sqlite_engine


@click.group()
def command() -> None:
    """Look after the database. Stop the server first for all but `info`."""


@contextmanager
def _opened(url: str | None, *, must_exist: bool) -> Iterator[tuple[Engine, Path]]:
    path = load_settings(database_url=url).sqlite_path
    if must_exist and not path.exists():
        fail(f"there is no database at {path}")
    with one_line_errors():
        path.parent.mkdir(parents=True, exist_ok=True)
        engine = create_sqlite_engine(path, "full")
        try:
            yield engine, path
        finally:
            engine.dispose()


@command.command()
@database_url
@click.argument("revision", default="head")
def upgrade(database_url: str | None, revision: str) -> None:
    """Bring the schema up to REVISION (the newest by default), making the database if there is none."""
    with _opened(database_url, must_exist=False) as (engine, path):
        _migrate(engine, revision, down=False)
        click.echo(f"{path} is at schema {_revision(engine)}")


@command.command()
@database_url
@click.argument("revision", default="-1")
@click.option("--yes", is_flag=True, help="Don't ask.")
def downgrade(database_url: str | None, revision: str, yes: bool) -> None:
    """Bring the schema back to REVISION (one step by default; `base` for an empty database). May lose data."""
    with _opened(database_url, must_exist=True) as (engine, path):
        if not yes:
            click.confirm(f"Downgrade {path} to {revision}? What the older schema can't hold is lost", abort=True)
        _migrate(engine, revision, down=True)
        click.echo(f"{path} is at schema {_revision(engine)}")


@command.command()
@database_url
@click.option("--yes", is_flag=True, help="Don't ask.")
def reset(database_url: str | None, yes: bool) -> None:
    """Delete everything in the database."""
    with _opened(database_url, must_exist=True) as (engine, path):
        if not yes:
            click.confirm(f"Delete everything in {path}?", abort=True)
        _migrate(engine, "base", down=True)
        _migrate(engine, "head", down=False)
        with sqlite3.connect(path) as conn:
            conn.execute("VACUUM")
        click.echo(f"{path} is empty, at schema {_revision(engine)}")


@command.command()
@database_url
def info(database_url: str | None) -> None:
    """Show where the database is, its schema, its size and how much it holds."""
    from sqlalchemy import func, select

    from interlock.storage import tables

    with _opened(database_url, must_exist=True) as (engine, path):
        click.echo(f"path       {path}")
        click.echo(f"schema     {_revision(engine) or 'none'} (this program: {migrations.known_revisions()[-1]})")
        click.echo(f"size       {sum(x.stat().st_size for x in _files(path)):,} bytes")
        if _revision(engine) is None:
            return
        with engine.connect() as conn:
            for table in (tables.flows, tables.flow_runs, tables.task_runs, tables.task_run_states, tables.logs):
                count = conn.execute(select(func.count()).select_from(table)).scalar_one()
                click.echo(f"{table.name:<16}{count:>12,}")


def _files(path: Path) -> list[Path]:
    return [x for x in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))) if x.exists()]


def _revision(engine: Engine) -> str | None:
    with engine.connect() as conn:
        return migrations.current_revision(conn)


def _migrate(engine: Engine, revision: str, *, down: bool) -> None:
    from alembic.util import CommandError

    migrations.check_known(_revision(engine))
    try:
        migrations.migrate(engine, revision, down=down)
    except CommandError as error:
        fail(str(error))
