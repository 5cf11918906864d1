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

import psycopg

from bench.http_client import Target
from bench.machine import ProcessTree, free_port, pin

ROOT = Path(__file__).resolve().parent.parent
PEER = ROOT / ".peers" / "prefect-2.20" / "bin"
PEER_3 = ROOT / ".peers" / "prefect-3.9" / "bin"
VENV = ROOT / ".venv" / "bin"

READY_TIMEOUT_SECONDS = 120.0
STOP_TIMEOUT_SECONDS = 30.0
POLL_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Storage:
    """Where a server keeps its data: a PostgreSQL database, by its URL, or else an SQLite file in the folder.

    The folder takes the server's log in any case.
    """

    folder: Path
    postgresql: str | None = None

    @property
    def interlock_url(self) -> str:
        """The URL of Interlock's database."""
        return self.postgresql or f"sqlite:///{self.folder / 'interlock.db'}"

    def size_bytes(self) -> int:
        """How large the database is."""
        if self.postgresql is None:
            return sum(path.stat().st_size for path in self.folder.glob("*.db*"))
        with psycopg.connect(self.postgresql) as connection:
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        return 0 if row is None else int(row[0])


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a server on a port with its data in a storage, and the environment it gets on top of ours."""

    name: str
    command: Callable[[int, Storage], list[str]]
    environment: Callable[[Storage], dict[str, str]] = lambda storage: {}
    health_path: str = "/api/health"
    ready_line: bytes = b""
    """What is in the log when all of the server's processes serve, if it has several."""


def peer(programs: Path = PEER) -> Launch:
    """Prefect's server with its defaults (SQLite in PREFECT_HOME); only its phoning home is turned off."""
    return Launch(
        "peer",
        lambda port, _: [str(programs / "prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        _peer_environment,
    )


def of_line_3(launch: Launch) -> Launch:
    """The same server, but the peer of the 3.x line."""
    return peer(PEER_3) if launch.name == "peer" else launch


def _peer_environment(storage: Storage) -> dict[str, str]:
    environment = {"PREFECT_HOME": str(storage.folder), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    if storage.postgresql is not None:
        url = storage.postgresql.replace("postgresql://", "postgresql+asyncpg://")
        environment["PREFECT_API_DATABASE_CONNECTION_URL"] = url
    return environment


def interlock(program: str, workers: int = 1) -> Launch:
    """Interlock with its defaults, as one process or several."""

    def command(port: int, storage: Storage) -> list[str]:
        started = [program, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        started += ["--database-url", storage.interlock_url]
        return started if workers == 1 else [*started, "--workers", str(workers)]

    return Launch("Interlock", command, ready_line=b"" if workers == 1 else b"Interlock is ready.")


def clean_environment() -> dict[str, str]:
    """Our environment without what would configure either server or the client."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "INTERLOCK_"))}


class Server:
    """A server process in a group of its own; use it as a context manager, which ends it."""

    def __init__(self, launch: Launch, storage: Storage, cores: frozenset[int] | None = None) -> None:
        storage.folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.target = Target("127.0.0.1", port, "/api")
        self._launch = launch
        self._log = storage.folder / f"server-{port}.log"
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

    @property
    def pid(self) -> int:
        """Its first process, which is also its process group."""
        return self._process.pid

    def processes(self) -> ProcessTree:
        """The server's processes."""
        return ProcessTree(self._process.pid)

    def kill(self) -> None:
        """End it without warning."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

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
        while not self._is_ready():
            if self._process.poll() is not None or time.perf_counter() > deadline:
                log = self._log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{self._launch.name} did not become ready:\n{log}")
            time.sleep(POLL_SECONDS)

    def _is_ready(self) -> bool:
        return _answers(self.target, self._launch.health_path) and self._launch.ready_line in self._log.read_bytes()

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


def _answers(target: Target, path: str) -> bool:
    connection = http.client.HTTPConnection(target.host, target.port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
