"""The tests' own PostgreSQL: it starts anywhere, comes back from a crash, and leaves nothing behind."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.postgres import PostgresServer, is_gone, server_version, wait_until

CRASHING = """
import os
from tests.postgres import PostgresServer
server = PostgresServer()
server.start()
print(server.folder, server.data, server.pid, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer(durable=True, max_connections=50) as server:
        yield server


def names(url: str) -> list[str]:
    with psycopg.connect(url) as conn:
        return [name for (name,) in conn.execute("SELECT name FROM people ORDER BY name")]


def put(url: str, name: str) -> None:
    with psycopg.connect(url) as conn:
        conn.execute("CREATE TABLE IF NOT EXISTS people (name text)")
        conn.execute("INSERT INTO people VALUES (%s)", [name])


@pytest.mark.parametrize("version", [16, 18])
def test_the_version_can_be_chosen(version: int) -> None:
    """And is ended by the end of its context, with nothing left on disk."""
    with PostgresServer(version=version) as server:
        assert server_version(server.url).startswith(f"{version}.")
        pid = server.pid
    assert not psutil.pid_exists(pid)
    assert not server.folder.exists()
    assert not server.data.exists()


def test_what_was_committed_is_there_after_a_kill_and_after_a_restart(server: PostgresServer) -> None:
    """At the same address, with clients connected."""
    url = server.create_database()
    put(url, "kept")
    for interruption in (server.kill, server.stop):
        client = psycopg.connect(url)
        interruption()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
        server.start()
        assert names(url) == ["kept"]
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
        client.close()
    server.drop_database(url)


def test_a_database_begins_as_its_template_and_goes_its_own_way(server: PostgresServer) -> None:
    """And is dropped even while somebody is connected to it."""
    template = server.create_database()
    put(template, "old")
    copy = server.create_database(template)
    put(copy, "new")
    assert (names(template), names(copy)) == (["old"], ["new", "old"])
    with psycopg.connect(copy):
        server.drop_database(copy)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(copy)
    server.drop_database(template)


def test_the_options_are_those_of_the_server(server: PostgresServer) -> None:
    """Durable means that a commit is on disk; not durable that nothing waits for the disk."""
    with psycopg.connect(server.url) as conn, PostgresServer() as careless, psycopg.connect(careless.url) as other:
        shown = [[x.execute(f"SHOW {name}").fetchone() for name in ("fsync", "max_connections")] for x in (conn, other)]
    assert shown == [[("on",), ("50",)], [("off",), ("200",)]]


def test_a_killed_test_run_leaves_nothing_behind() -> None:
    """The server ends and its folders go, though nobody was left to see to it."""
    root = Path(__file__).parents[1]
    crashed = subprocess.run([sys.executable, "-c", CRASHING], cwd=root, capture_output=True, text=True, check=False)
    *folders, pid = crashed.stdout.split()
    wait_until(lambda: not any(Path(x).exists() for x in folders), f"{folders} are left behind")
    wait_until(lambda: not psutil.pid_exists(int(pid)) or is_gone(psutil.Process(int(pid))), "PostgreSQL still runs")
