"""Starts the peer's server, on a fresh database and a free port: that of the 2.x line without its background services,
that of the 3.x line with the one that keeps events."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port

PEERS = Path(__file__).parents[2] / ".peers"
OLD_LINE, NEW_LINE = "2.20", "3.9"
START_SECONDS = 120
SERVICES = (
    "SCHEDULER",
    "LATE_RUNS",
    "FLOW_RUN_NOTIFICATIONS",
    "PAUSE_EXPIRATIONS",
    "CANCELLATION_CLEANUP",
    "FOREMAN",
    "EVENT_LOGGER",
    "TRIGGERS",
    "EVENT_PERSISTER",
)
APP = "prefect.server.api.server:create_app"


@contextmanager
def running_peer(line: str = OLD_LINE) -> Iterator[str]:
    """The base URL, ending in /api, of a peer of this line that lives as long as the context."""
    with tempfile.TemporaryDirectory() as home:
        port = free_port()
        command = [
            str(PEERS / f"prefect-{line}" / "bin" / "python"),
            "-m",
            "uvicorn",
            "--factory",
            APP,
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ]
        with (Path(home) / "log").open("wb") as log:
            process = subprocess.Popen(
                command,
                env=_environment(home, _KEEPS_EVENTS if line == NEW_LINE else _OFF),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            url = f"http://127.0.0.1:{port}/api"
            _wait_until_healthy(url, process, Path(home) / "log")
            yield url
        finally:
            process.terminate()
            process.wait()


_OFF = {f"PREFECT_API_SERVICES_{service}_ENABLED": "false" for service in SERVICES}
_KEEPS_EVENTS = {
    **{f"PREFECT_SERVER_SERVICES_{x}_ENABLED": "false" for x in ("SCHEDULER", "LATE_RUNS", "FOREMAN", "TRIGGERS")},
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "0.1",
}


def _environment(home: str, services: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    own = {
        "PREFECT_HOME": home,
        "PREFECT_UI_ENABLED": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    return kept | services | own


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the peer ended at once:\n{log.read_text()}")
        try:
            with urllib.request.urlopen(f"{url}/health"):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"the peer did not become healthy:\n{log.read_text()}")
