"""`interlock database check`: whether the ledger is as it must be."""

import asyncio
import sys

import click

from interlock.cli.common import database_url, fail, load_settings, one_line_errors
from interlock.settings import Settings
from interlock.storage import migrations
from interlock.storage.invariants import Report, Violation, report

DAY_SECONDS = 86_400.0
"""How long a statement may take here: every row of a large table is read."""


@click.command()
@database_url
def check(database_url: str | None) -> None:
    """Verify that the ledger is consistent.

    Reads everything as it is at one moment: runs, states, slots, cache, queue, references, keys. Changes nothing; the
    servers may run on. Says OK and exits with 0, or writes a line for each thing that is wrong and exits with 1.
    """
    settings = load_settings(database_url=database_url, statement_seconds=DAY_SECONDS)
    if not settings.is_postgres and not settings.sqlite_path.exists():
        fail(f"there is no database at {settings.sqlite_path}")
    with one_line_errors():
        checked = asyncio.run(_checked(settings))
    if checked.violations:
        for violation in checked.violations:
            click.echo(_line(violation))
        sys.exit(1)
    click.echo(f"OK: {_counted(checked.counts)} checked")


async def _checked(settings: Settings) -> Report:
    from interlock.server import create_store

    store = create_store(settings)
    try:
        revision = await store.read(migrations.current_revision)
        migrations.check_known(revision)
        if revision != migrations.known_revisions()[-1]:
            fail(
                f"the database is at schema {revision or 'none'}: bring it up to date with `interlock database upgrade`"
            )
        return await store.read(report)
    finally:
        await store.close()


def _line(violation: Violation) -> str:
    examples = ", ".join(violation.examples)
    more = ", ..." if violation.count > len(violation.examples) else ""
    return f"{violation.name}: {violation.count:,}: {violation.sentence}: {examples}{more}"


def _counted(counts: dict[str, int]) -> str:
    names = {"task_runs": "task runs", "flow_runs": "flow runs"}
    return ", ".join(f"{count:,} {names.get(table, table.replace('_', ' '))}" for table, count in counts.items())
