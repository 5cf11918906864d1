"""What commands share: settings with overrides from the command line, and errors as one line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click
from pydantic import ValidationError

from interlock.settings import ENV_PREFIX, Settings

database_url = click.option(
    "--database-url",
    metavar="URL",
    help="Where the ledger is kept: sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME. "
    "[env: INTERLOCK_DATABASE_URL]",
)


def load_settings(**given: Any) -> Settings:
    """The settings from the environment, with those given on the command line in front; ends the program with one line
    where one is not valid."""
    overrides = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(**overrides)
    except ValidationError as error:
        for fault in error.errors():
            name = str(fault["loc"][0])
            source = f"--{name.replace('_', '-')}" if name in overrides else f"{ENV_PREFIX}{name.upper()}"
            print(f"interlock: {source}: {fault['msg'].removeprefix('Value error, ')}", file=sys.stderr)
        sys.exit(2)


def fail(message: str) -> NoReturn:
    """End the program with one line on stderr."""
    print(f"interlock: {message}", file=sys.stderr)
    sys.exit(1)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Errors of the database or the machine end the program with one line, not with a traceback."""
    from sqlalchemy.exc import DBAPIError

    from interlock.storage.store import NewerDatabaseError, StoreUnavailableError

    try:
        yield
    except StoreUnavailableError as error:
        fail(f"the database is not available: {error}")
    except (NewerDatabaseError, OSError) as error:
        fail(str(error))
    except DBAPIError as error:
        fail(f"database: {error.orig}")
