"""Fixtures of the acceptance suite: on each database one server and one client home for all, and a unique word for each
module. Streams of background tasks have servers of their own, which may be killed.

`INTERLOCK_TEST_SERVER_URL` points the whole suite at another server, such as the peer's own.
"""

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.crash.servers import Server
from tests.databases import violations_in

from .api import Api
from .client import INTERPRETER, INTERPRETER_3, Client
from .command_line import CommandLine
from .streams import INTERPRETERS, Stream, stream, url_of

SERVER_VARIABLE = "INTERLOCK_TEST_SERVER_URL"
SOON = {"INTERLOCK_TASK_GRACE_SECONDS": "2", "INTERLOCK_TASK_PENDING_SECONDS": "5"}
"""When others are given what a task worker that is gone had not begun."""

if SERVER_VARIABLE in os.environ:

    @pytest.fixture(scope="session")
    def interlock_url() -> str:
        """The other server, in the place of one on each database."""
        return os.environ[SERVER_VARIABLE]


@pytest.fixture(scope="session")
def server_url(interlock_url: str) -> str:
    """The base URL, ending in `/api`, of the server under test."""
    return interlock_url


@pytest.fixture(scope="session")
def api(server_url: str) -> Iterator[Api]:
    """The server as plain HTTP shows it."""
    api = Api(server_url)
    yield api
    api.http.close()


@pytest.fixture(scope="session")
def client(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The published client, with a home of its own."""
    assert INTERPRETER.exists(), f"no client at {INTERPRETER}: `./run peers` installs it"
    client = Client(server_url, tmp_path_factory.mktemp("client"))
    yield client
    client.close()


@pytest.fixture(scope="session")
def client_3(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The published client of the 3.x line, with a home of its own."""
    assert INTERPRETER_3.exists(), f"no client at {INTERPRETER_3}: `./run peers` installs it"
    client = Client(server_url, tmp_path_factory.mktemp("client-3"), INTERPRETER_3)
    yield client
    client.close()


@pytest.fixture(scope="session")
def prefect(client: Client) -> Iterator[CommandLine]:
    """The client's command line, kept warm."""
    command_line = CommandLine(client)
    yield command_line
    command_line.close()


@pytest.fixture(scope="session")
def prefect_3(client_3: Client) -> Iterator[CommandLine]:
    """The command line of the client of the 3.x line, kept warm."""
    command_line = CommandLine(client_3, "command_line_3x")
    yield command_line
    command_line.close()


@pytest.fixture(scope="module")
def word(server_url: str) -> str:
    """A word that no other module, database or earlier run has used: names, tags and files are made of it."""
    return uuid.uuid4().hex[:10]


@pytest.fixture(scope="session")
def is_campaign(pytestconfig: pytest.Config) -> bool:
    """Whether this is a long run."""
    return bool(pytestconfig.getoption("--campaign"))


@pytest.fixture(params=INTERPRETERS)
def line(request: pytest.FixtureRequest, is_campaign: bool) -> str:
    """A line of clients, of both that have background tasks; in a short run one on each database."""
    if "database" in request.fixturenames:
        skip_unless_paired(request.param, request.getfixturevalue("database"), is_campaign)
    return str(request.param)


def skip_unless_paired(line: str, database: str, is_campaign: bool) -> None:
    """What takes long, a short run does with one client line on each database."""
    if not is_campaign and (line == "2.20") != (database == "sqlite"):
        pytest.skip("long: this pair of client and database only with --campaign")


@pytest.fixture
def many(is_campaign: bool) -> int:
    """How many background tasks a stream has."""
    return 1000 if is_campaign else 30


@pytest.fixture
async def server(database_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    """A server of the test's own. At the end its ledger is as it must be."""
    server = Server(database_url, tmp_path / "server.log", settings=SOON)
    await server.start()
    yield server
    await server.close()
    assert await violations_in(database_url) == []


@pytest.fixture
def steps(line: str, server: Server, tmp_path: Path) -> Iterator[Stream]:
    """A stream of background tasks with nothing in it yet."""
    with stream(line, url_of(server), tmp_path / "home") as steps:
        yield steps
