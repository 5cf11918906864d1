"""Starting, waiting for and ending the servers under test: the peer, Interlock, and the bare ones."""

import http.client
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType

from bench.http_client import Target
from bench.machine import ProcessTree, free_port, pin

ROOT = Path(__file__).resolve().parent.parent
PEER = ROOT / ".peers" / "prefect-2.20" / "bin"
VENV = ROOT / ".venv" / "bin"

READY_TIMEOUT_SECONDS = 120.0
STOP_TIMEOUT_SECONDS = 30.0
POLL_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a server on a port with its data in a folder, and the environment it gets on top of ours."""

    name: str
    command: Callable[[int, Path], list[str]]
    environment: Callable[[Path], dict[str, str]] = lambda storage: {}
    health_path: str = "/api/health"


def peer() -> Launch:
    """Prefect's server with its defaults (SQLite in PREFECT_HOME); only its phoning home is turned off."""
    return Launch(
        "peer",
        lambda port, _: [str(PEER / "prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        lambda storage: {"PREFECT_HOME": str(storage), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"},
    )


def interlock(program: str) -> Launch:
    """Interlock on a SQLite file, otherwise with its defaults."""

    def command(port: int, storage: Path) -> list[str]:
        database = f"sqlite:///{storage / 'interlock.db'}"
        return [program, "server", "start", "--host", "127.0.0.1", "--port", str(port), "--database-url", database]

    return Launch("Interlock", command)


def clean_environment() -> dict[str, str]:
    """Our environment without what would configure either server or the client."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "INTERLOCK_"))}


class Server:
    """A server process in a group of its own; use it as a context manager, which ends it."""

    def __init__(self, launch: Launch, storage: Path, cores: frozenset[int] | None = None) -> None:
        storage.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.target = Target("127.0.0.1", port, "/api")
        self._launch = launch
        self._log = storage / "server.log"
        started = time.perf_counter()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                launch.command(port, storage),
                env=clean_environment() | launch.environment(storage),
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=partial(pin, cores),
            )
        try:
            self._wait_until_ready(started + READY_TIMEOUT_SECONDS)
        except BaseException:
            self.stop()
            raise
        self.ready_seconds = time.perf_counter() - started

    def processes(self) -> ProcessTree:
        """The server's processes as they are now."""
        return ProcessTree(self._process.pid)

    def stop(self) -> None:
        """SIGTERM to the process group and wait; SIGKILL if it does not end in time."""
        if self._process.poll() is not None:
            return
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _wait_until_ready(self, deadline: float) -> None:
        while not _answers(self.target, self._launch.health_path):
            if self._process.poll() is not None or time.perf_counter() > deadline:
                log = self._log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{self._launch.name} did not become ready:\n{log}")
            time.sleep(POLL_SECONDS)

    def __enter__(self) -> "Server":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that someone else started and ends: its processes are not ours to look at."""

    target: Target

    def processes(self) -> None:
        return None


def _answers(target: Target, path: str) -> bool:
    connection = http.client.HTTPConnection(target.host, target.port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
