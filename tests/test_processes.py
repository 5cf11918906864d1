"""Several processes on one port, as they are started from the command line."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.databases import PostgresDatabases
from tests.postgres import wait_until

WORKERS = 2


class Fleet:
    """A server of several workers."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        assert "ready" in lines[0], lines
        assert "API" in lines[2], lines
        self.url = lines[2].split()[-1]

    def workers(self) -> list[psutil.Process]:
        """The processes that serve."""
        return [x for x in psutil.Process(self.process.pid).children() if _serves(x)]

    def is_ready(self) -> bool:
        """Whether a new connection is served."""
        try:
            return httpx.get(f"{self.url}/ready", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


def _serves(process: psutil.Process) -> bool:
    try:
        return any("spawn_main" in part for part in process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


@pytest.fixture
def fleet(postgres_databases: PostgresDatabases, tmp_path: Path) -> Iterator[Fleet]:
    url = postgres_databases.create()
    with (tmp_path / "log").open("w") as log, started(url, log) as process:
        yield Fleet(process)
    postgres_databases.drop(url)


@contextmanager
def started(database_url: str, log: object) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "interlock", "server", "start", "--port", "0", "--workers", str(WORKERS)]
    command += ["--database-url", database_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.terminate()


def test_a_worker_that_is_killed_is_replaced(fleet: Fleet) -> None:
    """The others serve on meanwhile, and soon there are as many as before."""
    before = fleet.workers()
    assert len(before) == WORKERS
    before[0].kill()
    wait_until(lambda: before[0] not in fleet.workers() and len(fleet.workers()) == WORKERS, "no new worker came")
    assert before[1] in fleet.workers()
    wait_until(fleet.is_ready, "it does not serve")


def test_told_to_stop_all_processes_end_in_good_order(fleet: Fleet) -> None:
    """SIGTERM to the first process is enough, and its exit code says that all is well."""
    workers = fleet.workers()
    fleet.process.send_signal(signal.SIGTERM)
    assert fleet.process.wait(30) == 0
    assert not any(x.is_running() for x in workers)


def test_workers_do_not_outlive_their_supervisor(fleet: Fleet) -> None:
    """Killed without warning, it leaves nothing behind that holds the port."""
    workers = fleet.workers()
    fleet.process.kill()
    wait_until(lambda: not any(x.is_running() for x in workers), "workers are left")


def test_the_embedded_database_takes_one_process(tmp_path: Path) -> None:
    """More are refused, with the reason, before anything is opened."""
    command = [sys.executable, "-m", "interlock", "server", "start", "--workers", "2"]
    command += ["--database-url", f"sqlite:///{tmp_path / 'ledger.db'}"]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert refused.returncode == 2
    assert "one writer" in refused.stderr
    assert not (tmp_path / "ledger.db").exists()
