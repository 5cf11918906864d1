"""Fixtures for all tests: a live server as a process, one in this process, and stores with a clock in hand."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from interlock.orchestration.facts import Chance
from interlock.server import http_server, running_app
from interlock.settings import Settings
from interlock.storage.sqlite import SqliteStore

READY_SECONDS = 30


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """What async tests run on."""
    return "asyncio"


class FakeClock:
    """A clock that stands still until it is told to move."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def interlock_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL, ending in /api, of a real server process on a fresh database."""
    folder = tmp_path_factory.mktemp("server")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "interlock", "server", "start", "--port", str(port)]
    command += ["--database-url", f"sqlite:///{folder / 'interlock.db'}"]
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ)
        assert process.stdout is not None
        first_line = process.stdout.readline()
        assert "ready" in first_line, (folder / "server.log").read_text()
        yield f"http://127.0.0.1:{port}/api"
        process.terminate()
        assert process.wait(READY_SECONDS) == 0, (folder / "server.log").read_text()
        process.stdout.close()


class LiveServer:
    """A server in a thread of this process, on a real socket."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/api"

    async def _serve(self) -> None:
        async with running_app(self._settings) as app:
            self._server = http_server(app, self._ready.set)
            await self._server.serve(sockets=[self._listener])

    def __enter__(self) -> "LiveServer":
        self._thread.start()
        assert self._ready.wait(READY_SECONDS)
        return self

    def flood(self, path: str, bodies: list[Any]) -> list[httpx.Response]:
        """Post all bodies at once, on as many connections as it takes."""

        async def post_all() -> list[httpx.Response]:
            limits = httpx.Limits(max_connections=len(bodies))
            async with httpx.AsyncClient(base_url=self.url, limits=limits, timeout=READY_SECONDS) as client:
                return await asyncio.gather(*(client.post(path, json=body) for body in bodies))

        return asyncio.run(post_all())

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(READY_SECONDS)
        self._listener.close()


def sqlite_settings(folder: Path, **changes: object) -> Settings:
    """Settings for a fresh database in the folder."""
    return Settings(database_url=f"sqlite:///{folder / 'interlock.db'}", **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server in this process on a database of this module's own."""
    with LiveServer(sqlite_settings(tmp_path_factory.mktemp("live"))) as server:
        yield server


@pytest.fixture(scope="module")
def api(live_server: LiveServer) -> Iterator[httpx.Client]:
    """An HTTP client whose base is the API of `live_server`: `api.post("/flows/", json=...)`."""
    with httpx.Client(base_url=live_server.url) as client:
        yield client


class CountingChance:
    """Ids that count up and can be told from each other, and random numbers that are always a half."""

    def __init__(self) -> None:
        self._count = 0

    def new_id(self) -> str:
        self._count += 1
        return f"00000000-0000-7000-8000-{self._count:012d}"

    def chance(self) -> Chance:
        return Chance(new_id=self.new_id, random=lambda: 0.5)


@pytest.fixture
def chance() -> Chance:
    return CountingChance().chance()


@pytest.fixture
async def store(tmp_path: Path, clock: FakeClock, chance: Chance) -> AsyncIterator[SqliteStore]:
    """An open store on a fresh database, with a clock in hand and ids that count up."""
    opened = SqliteStore(tmp_path / "ledger.db", clock=clock, chance=chance)
    await opened.start()
    yield opened
    await opened.close()
