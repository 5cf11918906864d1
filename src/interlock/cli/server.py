"""`interlock server`: run the server."""

import errno
import socket
from typing import Any

import click

from interlock import processes
from interlock.cli.common import database_url, fail, load_settings, one_line_errors
from interlock.settings import Settings


@click.group()
def command() -> None:
    """Run the server."""


@command.command()
@click.option("--host", metavar="ADDRESS", help="Address to listen on. [env: INTERLOCK_HOST; default: 127.0.0.1]")
@click.option("--port", type=int, metavar="N", help="Port, 0 for a free one. [env: INTERLOCK_PORT; default: 4200]")
@database_url
@click.option(
    "--durability",
    type=click.Choice(["full", "normal"]),
    help="What a power cut may cost: nothing, or the last moments. [env: INTERLOCK_DURABILITY; default: full]",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="The least severe lines to log. [env: INTERLOCK_LOG_LEVEL; default: warning]",
)
@click.option(
    "--workers",
    type=int,
    metavar="N",
    help="Processes that serve the port; more than one needs PostgreSQL. [env: INTERLOCK_WORKERS; default: 1]",
)
def start(**given: Any) -> None:
    """Start the server, and serve until SIGTERM or Ctrl-C."""
    settings = load_settings(**given)
    with one_line_errors():
        listener = _listen(settings)
        run = processes.run_one if settings.workers == 1 else processes.run_workers
        run(settings, listener, lambda: _announce(settings, listener))


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        where = f"{settings.host} port {settings.port}"
        if error.errno == errno.EADDRINUSE:
            fail(f"{where} is in use: stop what listens there, or choose another with --port")
        fail(f"cannot listen on {where}: {error.strerror or error}")


def _announce(settings: Settings, listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{port}"
    click.echo(
        f"Interlock is ready.\n"
        f"  Page   {address}/\n"
        f"  API    {address}/api\n"
        f"  Docs   {address}/api/docs\n"
        f"  Ledger {settings.shown_database_url}\n"
        f"\nPoint a Prefect client at it:\n"
        f"  export PREFECT_API_URL={address}/api\n"
    )
