"""`interlock version`."""

import platform
import sqlite3

import click

from interlock import __version__


@click.command()
def command() -> None:
    """Show the version of Interlock and of what it stands on."""
    click.echo(f"interlock {__version__}")
    click.echo(f"python    {platform.python_version()}")
    click.echo(f"sqlite    {sqlite3.sqlite_version}")
