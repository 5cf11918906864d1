"""`interlock settings`."""

import os

import click

from interlock.cli.common import load_settings
from interlock.settings import ENV_PREFIX, Settings

SECRET = "auth_string"


@click.command()
def command() -> None:
    """Show every setting, its value and where it comes from."""
    settings = load_settings()
    for name, field in Settings.model_fields.items():
        variable = f"{ENV_PREFIX}{name.upper()}"
        source = variable if variable in os.environ else "default"
        value = getattr(settings, name)
        shown = "(hidden)" if name == SECRET and value else value
        click.echo(f"{name} = {shown}  [{source}]")
        click.echo(f"    {field.description} Set with {variable}.")
