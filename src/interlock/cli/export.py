"""`interlock export`: records of the ledger as a file.

What lives here: where the filter comes from, where the file goes, and how far it is. What does not: the formats and the
walk through the runs (api/).
"""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import IO, Any, TypeVar

import click
from pydantic import ValidationError
from sqlalchemy import Row

from interlock.api.criteria import FlowRunFilters, RunFilters
from interlock.api.exports import ROWS_A_PAGE, written
from interlock.api.schemas.exports import Encoder, ExportFormat, ExportUnavailableError, encoder
from interlock.cli.common import database_url, fail, load_settings, one_line_errors
from interlock.settings import Settings
from interlock.storage import migrations
from interlock.storage.filters import Criterion
from interlock.storage.queries import runs_filter
from interlock.storage.queries.exports import FLOW_RUN_ROWS, TASK_RUN_ROWS, RunRows, next_rows
from interlock.storage.store import Store
from interlock.storage.walks import Leg, Place

Filters = TypeVar("Filters", bound=RunFilters)


@click.group()
def command() -> None:
    """Write records of the ledger to a file. Servers may run on meanwhile."""


def _options(noun: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The options of a command that writes records of the noun."""
    path = f"/{noun.replace(' ', '_')}/filter"
    options = (
        click.option(
            "--filter",
            "filter_text",
            metavar="JSON|@FILE",
            default="{}",
            help=f"Which {noun}: the filters of POST {path} as JSON, or @ and a file that holds them.",
        ),
        click.option(
            "--format",
            "export_format",
            type=click.Choice([x.value for x in ExportFormat]),
            default=ExportFormat.ndjson.value,
            show_default=True,
            help="A line of JSON a run, as the API spells it; CSV; or Parquet, which needs interlock[parquet].",
        ),
        click.option(
            "--output",
            type=click.Path(dir_okay=False, path_type=Path),
            help="The file to write, complete or not at all. [default: standard output]",
        ),
        database_url,
    )
    return lambda function: reduce(lambda made, option: option(made), reversed(options), function)


@command.command()
@_options("task runs")
def task_runs(filter_text: str, **given: Any) -> None:
    """Write task runs, ordered by their ids, in constant memory however many they are.

    \b
    Examples:
      interlock export task-runs --output runs.ndjson
      interlock export task-runs --format csv --output failed.csv \\
        --filter '{"task_runs": {"state": {"type": {"any_": ["FAILED"]}}}}'
      interlock export task-runs --filter @nightly.json --format parquet --output nightly.parquet
      interlock export task-runs | jq .name

    The database is read directly, by short transactions: runs that are created or change meanwhile may be in the file
    as they were before or after. A terminal shows how far it is.
    """
    _write(TASK_RUN_ROWS, _filters(filter_text, RunFilters).criteria().of_task_runs(), **given)


@command.command()
@_options("flow runs")
def flow_runs(filter_text: str, **given: Any) -> None:
    """Write flow runs, ordered by their ids, in constant memory however many they are.

    \b
    Examples:
      interlock export flow-runs --output runs.ndjson
      interlock export flow-runs --format csv --output nightly.csv \\
        --filter '{"flows": {"name": {"any_": ["nightly-report"]}}}'

    The database is read as by `interlock export task-runs`.
    """
    _write(FLOW_RUN_ROWS, _filters(filter_text, FlowRunFilters).criteria().of_flow_runs(), **given)


def _write(
    kind: RunRows, criterion: Criterion, export_format: str, output: Path | None, database_url: str | None
) -> None:
    settings = load_settings(database_url=database_url)
    if not settings.is_postgres and not settings.sqlite_path.exists():
        fail(f"there is no database at {settings.sqlite_path}")
    from interlock.server import utc_now

    try:
        document = encoder(ExportFormat(export_format), kind, utc_now)
    except ExportUnavailableError as error:
        fail(str(error))
    with one_line_errors(), _opened(output) as file:
        shown = sys.stderr.isatty() and not file.isatty()
        asyncio.run(_export(settings, kind, criterion, document, file, shown=shown))


def _filters(text: str, kind: type[Filters]) -> Filters:
    """The filters, as given or from a file; ends the program with one line where they are none."""
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text()
        except (OSError, UnicodeDecodeError) as error:
            fail(f"--filter: {error}")
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        fail(f"--filter: {place + ': ' if place else ''}{fault['msg']}")


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[bytes]]:
    """Standard output, or a file that is there under its name once all is written."""
    if output is None:
        with _quiet_when_cut():
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        return
    part = output.with_name(f"{output.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        os.replace(part, output)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _quiet_when_cut() -> Iterator[None]:
    """Who reads standard output may have had enough: that ends the program, and is no error to tell of."""
    try:
        yield
    except BrokenPipeError:
        # What is left in the buffer goes nowhere, rather than into a pipe that is closed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


async def _export(
    settings: Settings, kind: RunRows, criterion: Criterion, document: Encoder, file: IO[bytes], *, shown: bool
) -> None:
    from interlock.server import create_store

    store = create_store(settings)
    try:
        await _check_schema(store)
        length = await store.read(runs_filter.count, kind.runs, criterion) if shown else 0
        with click.progressbar(
            length=length, label=kind.runs.name.replace("_", " "), file=sys.stderr, hidden=not shown
        ) as bar:

            async def next_leg(after: Place | None) -> Leg[Row[Any]]:
                found = await store.read(next_rows, kind, criterion, ROWS_A_PAGE, after)
                bar.update(len(found.items))
                return found

            async for piece in written(document, next_leg):
                file.write(piece)
    finally:
        await store.close()


async def _check_schema(store: Store) -> None:
    revision = await store.read(migrations.current_revision)
    migrations.check_known(revision)
    if revision != migrations.known_revisions()[-1]:
        fail(f"the database is at schema {revision or 'none'}: bring it up to date with `interlock database upgrade`")
