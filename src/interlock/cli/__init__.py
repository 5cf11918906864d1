"""The command line: parses arguments and prints, no more.

What lives here: the command group. Each command's module is loaded when it is called, so that help comes at once.
"""

import importlib
from typing import ClassVar

import click


class LazyGroup(click.Group):
    """A group that imports a command's module only when the command is used."""

    COMMANDS: ClassVar = {
        "server": "Run the server.",
        "database": "Look after the database: upgrade, downgrade, reset, info.",
        "demo": "Fill a database with made-up runs, to try the server on.",
        "export": "Write task runs or flow runs to a file: NDJSON, CSV or Parquet.",
        "settings": "Show every setting, its value and where it comes from.",
        "version": "Show the version of Interlock and of what it stands on.",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"interlock.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Interlock keeps the ledger of every task run and decides every change of its state. It speaks the Prefect REST
    API: start it, set PREFECT_API_URL, and run your flows."""
