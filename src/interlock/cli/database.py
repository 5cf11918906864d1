"""`interlock database`: the schema of the ledger and what it holds."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click
from sqlalchemy import Connection

from interlock.cli.common import database_url, fail, load_settings, one_line_errors
from interlock.cli.database_check import check
from interlock.settings import Settings
from interlock.storage import migrations
from interlock.storage.queries import database as queries
from interlock.storage.store import Store

T = TypeVar("T")


@click.group()
def command() -> None:
    """Look after the database. Stop the servers first for all but `info` and `check`."""


command.add_command(check)


def _opened(url: str | None) -> Settings:
    """The settings of a database that is there."""
    settings = load_settings(database_url=url)
    if not settings.is_postgres and not settings.sqlite_path.exists():
        fail(f"there is no database at {settings.sqlite_path}")
    return settings


def _run(settings: Settings, work: Callable[[Store], Awaitable[T]]) -> T:
    """Do something with the database, without bringing its schema up to date first."""
    from interlock.server import create_store

    async def run() -> T:
        store = create_store(settings)
        try:
            return await work(store)
        finally:
            await store.close()

    with one_line_errors():
        return asyncio.run(run())


def _administered(settings: Settings, function: Callable[[Connection], T]) -> T:
    from alembic.util import CommandError

    try:
        return _run(settings, lambda store: store.administer(function))
    except CommandError as error:
        fail(str(error))


def _migrated(settings: Settings, revision: str, *, down: bool) -> None:
    def migrate(conn: Connection) -> str | None:
        migrations.migrate(conn, revision, down=down)
        return migrations.current_revision(conn)

    click.echo(f"{settings.shown_database} is at schema {_administered(settings, migrate)}")


@command.command()
@database_url
@click.argument("revision", default="head")
def upgrade(database_url: str | None, revision: str) -> None:
    """Bring the schema up to REVISION (the newest by default), making the tables if there are none."""
    settings = load_settings(database_url=database_url)
    if not settings.is_postgres:
        with one_line_errors():
            settings.sqlite_path.parent.mkdir(parents=True, exist_ok=True)
    _migrated(settings, revision, down=False)


@command.command()
@database_url
@click.argument("revision", default="-1")
@click.option("--yes", is_flag=True, help="Don't ask.")
def downgrade(database_url: str | None, revision: str, yes: bool) -> None:
    """Bring the schema back to REVISION (one step by default; `base` for an empty database). May lose data."""
    settings = _opened(database_url)
    if not yes:
        question = f"Downgrade {settings.shown_database} to {revision}? What the older schema can't hold is lost"
        click.confirm(question, abort=True)
    _migrated(settings, revision, down=True)


@command.command()
@database_url
@click.option("--yes", is_flag=True, help="Don't ask.")
def reset(database_url: str | None, yes: bool) -> None:
    """Delete everything in the database."""
    settings = _opened(database_url)
    if not yes:
        click.confirm(f"Delete everything in {settings.shown_database}?", abort=True)
    _administered(settings, _emptied)
    if not settings.is_postgres:
        with sqlite3.connect(settings.sqlite_path) as conn:
            conn.execute("VACUUM")
    click.echo(f"{settings.shown_database} is empty, at schema {migrations.known_revisions()[-1]}")


def _emptied(conn: Connection) -> None:
    migrations.migrate(conn, "base", down=True)
    migrations.migrate(conn, "head")


@command.command()
@database_url
def info(database_url: str | None) -> None:
    """Show where the database is, its schema, its size and how much it holds."""
    settings = _opened(database_url)
    revision, size, counts = _run(settings, lambda store: store.read(_described))
    click.echo(f"database   {settings.shown_database}")
    click.echo(f"schema     {revision or 'none'} (this program: {migrations.known_revisions()[-1]})")
    click.echo(f"size       {size:,} bytes")
    for table, count in counts.items():
        click.echo(f"{table:<16}{count:>12,}")


def _described(conn: Connection) -> tuple[str | None, int, dict[str, int]]:
    revision = migrations.current_revision(conn)
    return revision, queries.size(conn), queries.counts(conn) if revision else {}
