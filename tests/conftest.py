"""Fixtures for all tests: databases of both kinds; a live server as a process, one in this process, and stores with a
clock in hand on each of them. And the closing lines, which say on which databases the tests ran, however many processes
shared them.
"""

import asyncio
import os
import socket
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import httpx
import pytest
import structlog
import uvloop

from interlock.orchestration.facts import Chance
from interlock.server import create_store, http_server, running_app
from interlock.settings import Settings
from interlock.storage.store import Store
from tests.crash.closing_lines import write_campaigns
from tests.databases import Databases, PostgresDatabases, SqliteDatabases
from tests.ports import free_port
from tests.postgres import PostgresServer, server_version
from tests.quiet import QUIET, environment_of

# Tracebacks that show every variable, as structlog makes them where it can, take seconds.
PLAIN = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], PLAIN])

READY_SECONDS = 30
KINDS = ("sqlite", "postgresql")
POSTGRES_VARIABLE = "INTERLOCK_TEST_POSTGRES_URL"
"""Names another PostgreSQL than the tests' own: the URL of a user who may make databases."""

POSTGRES_VERSION = pytest.StashKey[str]()
"""Of the PostgreSQL that tests ran on, once one was needed and there."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--campaign", action="store_true", help="Make all that is marked as a campaign long.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    is_campaign = config.getoption("--campaign")
    for item in items:
        if is_campaign and item.get_closest_marker("campaign"):
            item.add_marker(pytest.mark.timeout(0))
        if not is_campaign and item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip("long: only with --campaign"))


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
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a PostgreSQL server: a user who may make databases, and a database that is there."""
    with ExitStack() as stack:
        url = os.environ.get(POSTGRES_VARIABLE) or stack.enter_context(PostgresServer()).url
        note_version(request.config, server_version(url))
        yield url


@pytest.fixture(scope="session")
def postgres_databases(postgres_url: str) -> Iterator[PostgresDatabases]:
    databases = PostgresDatabases(postgres_url)
    yield databases
    databases.close()


@pytest.fixture(scope="session", params=KINDS)
def database(request: pytest.FixtureRequest) -> str:
    """The kind of database: whatever rests on this runs on each kind."""
    return str(request.param)


@pytest.fixture(scope="session")
def databases(database: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Databases:
    """Databases of that kind."""
    if database == "sqlite":
        return SqliteDatabases(tmp_path_factory.mktemp("sqlite"))
    return cast("PostgresDatabases", request.getfixturevalue("postgres_databases"))


FreshDatabase = Callable[[], AbstractContextManager[str]]


@pytest.fixture(scope="session")
def fresh_database(databases: Databases) -> FreshDatabase:
    """Makes databases: `with fresh_database() as url:`."""

    @contextmanager
    def fresh() -> Iterator[str]:
        url = databases.create()
        yield url
        databases.drop(url)

    return fresh


@pytest.fixture
def database_url(fresh_database: FreshDatabase) -> Iterator[str]:
    """The URL of a database of this test's own."""
    with fresh_database() as url:
        yield url


NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


@pytest.fixture(scope="session")
def interlock_url(fresh_database: FreshDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL, ending in /api, of a real server process on a fresh database."""
    with fresh_database() as database_url:
        yield from server_process(database_url, tmp_path_factory.mktemp("server") / "server.log")


@pytest.fixture(scope="session")
def quiet_url(fresh_database: FreshDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of such a process that makes and moves no flow runs by itself."""
    with fresh_database() as database_url:
        yield from server_process(database_url, tmp_path_factory.mktemp("quiet") / "server.log", environment_of(QUIET))


def server_process(database_url: str, log_path: Path, settings: Mapping[str, str] = NO_SETTINGS) -> Iterator[str]:
    """The base URL, ending in /api, of a real server process, which ends when the generator goes on."""
    port = free_port()
    command = [sys.executable, "-m", "interlock", "server", "start", "--port", str(port)]
    command += ["--database-url", database_url]
    with log_path.open("w") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, **settings}
        )
        assert process.stdout is not None
        first_line = process.stdout.readline()
        assert "ready" in first_line, log_path.read_text()
        yield f"http://127.0.0.1:{port}/api"
        process.terminate()
        assert process.wait(READY_SECONDS) == 0, log_path.read_text()
        process.stdout.close()


class LiveServer:
    """A server in a thread of this process, on a real socket and with the event loop of the real server.

    `settings.port` is not looked at: who needs a certain port gives `port`.
    """

    def __init__(self, settings: Settings, port: int = 0) -> None:
        self.settings = settings
        self._listener = socket.create_server(("127.0.0.1", port))
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/api"

    def _run(self) -> None:
        # With asyncio's own loop, which leaves Nagle's algorithm on for such a socket, each answer would take 40 ms.
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        async with running_app(self.settings) as app:
            self._server = http_server(app, self.settings, self._ready.set)
            await self._server.serve(sockets=[self._listener])

    def __enter__(self) -> "LiveServer":
        self._thread.start()
        assert self._ready.wait(READY_SECONDS)
        return self

    def client(self, headers: dict[str, str] | None = None) -> httpx.Client:
        """A client whose base is the API, and who has the patience that a busy machine asks for."""
        return httpx.Client(base_url=self.url, headers=headers, timeout=READY_SECONDS)

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


@pytest.fixture(scope="module")
def live_server(fresh_database: FreshDatabase) -> Iterator[LiveServer]:
    """A server in this process on a database of this module's own."""
    with fresh_database() as url, LiveServer(Settings(database_url=url, **QUIET)) as server:  # type: ignore[arg-type]
        yield server


@pytest.fixture(scope="module")
def api(live_server: LiveServer) -> Iterator[httpx.Client]:
    """An HTTP client whose base is the API of `live_server`: `api.post("/flows/", json=...)`."""
    with live_server.client() as client:
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
async def store(database_url: str, clock: FakeClock, chance: Chance) -> AsyncIterator[Store]:
    """An open store on a fresh database, with a clock in hand and ids that count up."""
    opened = create_store(Settings(database_url=database_url), clock, chance)
    await opened.start()
    yield opened
    await opened.close()


def note_version(config: pytest.Config, version: str) -> None:
    """Have the closing lines name this version of PostgreSQL."""
    config.stash[POSTGRES_VERSION] = version
    if hasattr(config, "workeroutput"):
        config.workeroutput["postgres_version"] = version


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Where several processes share the tests, each tells which PostgreSQL it had."""
    version = getattr(node, "workeroutput", {}).get("postgres_version")
    if version is not None:
        node.config.stash[POSTGRES_VERSION] = version


def pytest_itemcollected(item: pytest.Item) -> None:
    """Note on which kind of database a test runs, where it is known before it runs."""
    callspec = getattr(item, "callspec", None)
    kind = callspec.params.get("database") if callspec else None
    if kind is None and {"postgres_url", "postgres_databases"} & set(getattr(item, "fixturenames", ())):
        kind = "postgresql"
    if kind is not None:
        item.user_properties.append(("database", kind))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The campaigns; and one line a kind of database: its version, and how the tests ended that ran on it."""
    write_campaigns(terminalreporter)
    postgres = config.stash.get(POSTGRES_VERSION, "(none could be had)")
    for kind, name in {"sqlite": f"SQLite {sqlite3.sqlite_version}", "postgresql": f"PostgreSQL {postgres}"}.items():
        outcomes = Counter(
            "failed" if outcome == "error" else outcome
            for outcome in ("passed", "failed", "error", "skipped", "xfailed", "xpassed")
            for report in terminalreporter.getreports(outcome)
            if ("database", kind) in getattr(report, "user_properties", ())
        )
        if outcomes:
            terminalreporter.line(f"{name}: " + ", ".join(f"{n:,} {outcome}" for outcome, n in outcomes.items()))
