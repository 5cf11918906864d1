"""`interlock demo`: a ledger full of made-up runs, to try the server on."""

import asyncio
import sys
from datetime import timedelta

import click

from interlock.cli.common import database_url, fail, load_settings, one_line_errors
from interlock.settings import Settings
from interlock.storage.demo.fill import fill
from interlock.storage.demo.flow_runs import Demo
from interlock.storage.queries import database
from interlock.storage.store import Store

SPANS = {"day": timedelta(days=1), "year": timedelta(days=365)}


@click.command()
@database_url
@click.option("--runs", type=click.IntRange(1), default=10_000, show_default=True, help="How many task runs.")
@click.option(
    "--span", type=click.Choice(tuple(SPANS)), default="day", show_default=True, help="The time before now they are of."
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same runs.")
@click.option("--add", is_flag=True, help="Put them beside the runs that are there already.")
def command(database_url: str | None, runs: int, span: str, seed: int, add: bool) -> None:
    """Fill the database with made-up runs, to try the server on.

    Ten flows with a thousand flow runs or more, their subflows, task runs, states, logs and parameters, and two
    concurrency limits: as they would be if the flows had run for a day (or a year) up to now. Most runs are COMPLETED;
    some failed, crashed, were cancelled or retried, and the newest are still under way, though nobody runs them. One
    task run of 10,000 has the tag "incident".

    The database is made if there is none. One that holds runs is left alone, unless --add is given. A million task runs
    take some minutes and 2 GB; what is there when the command is interrupted can be used as it is.
    """
    settings = load_settings(database_url=database_url)
    with one_line_errors():
        asyncio.run(_filled(settings, runs, SPANS[span], seed, add=add))
    click.echo(f"{settings.shown_database} has {runs:,} more task runs")


async def _filled(settings: Settings, runs: int, span: timedelta, seed: int, *, add: bool) -> None:
    from interlock.server import create_store, utc_now

    store = create_store(settings)
    try:
        await store.start()
        held = (await store.read(database.counts))["task_runs"]
        if held and not add:
            fail(f"{settings.shown_database} holds {held:,} task runs: --add puts the demo beside them")
        await _fill(store, Demo(runs, span, utc_now(), seed))
    finally:
        await store.close()


async def _fill(store: Store, demo: Demo) -> None:
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=demo.task_runs, label="Task runs", file=sys.stderr, hidden=hidden) as bar:
        async for written in fill(store, demo):
            bar.update(written)
