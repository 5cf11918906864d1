"""`interlock settings`."""

import os

import click

from interlock.cli.common import load_settings
from interlock.settings import ENV_PREFIX, Settings


@click.command()
def command() -> None:
    """Show every setting, its value and where it comes from."""
    values = load_settings().shown()
    for name, field in Settings.model_fields.items():
        variable = f"{ENV_PREFIX}{name.upper()}"
        source = variable if variable in os.environ else "default"
        click.echo(f"{name} = {values[name]}  [{source}]")
        click.echo(f"    {field.description} Set with {variable}.")
