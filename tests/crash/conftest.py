"""Options of the crash campaigns, and what they rest on. Their closing lines are in closing_lines.py.

`--campaign` (tests/conftest.py) makes every campaign long; `--kills`, `--seconds` and `--seed` set its kills, the
longest load before one, and the seed of its moments and walks. `-k sqlite` and `-k postgresql` choose the database.
"""

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.conftest import note_version
from tests.crash.campaign import Plan, Totals
from tests.crash.closing_lines import note_campaign
from tests.crash.servers import PATIENT, Server
from tests.postgres import PostgresServer, server_version

SHORT_KILLS, LONG_KILLS = 2, 100
SECONDS = 1.5
LOG_SHOWN = 5_000


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("crash campaigns")
    group.addoption("--kills", type=int, help=f"Kills in each campaign (default: {SHORT_KILLS}).")
    group.addoption("--seconds", type=float, help=f"The longest load before a kill (default: {SECONDS}).")
    group.addoption("--seed", type=int, help="What the moments and walks are drawn from (default: the time).")


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A PostgreSQL that writes to disk what it says it has, and may be killed."""
    with PostgresServer(durable=True) as server:
        note_version(request.config, server_version(server.url))
        yield server


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """The kind of database."""
    return str(request.param)


@pytest.fixture
def ledger_url(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if database == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    postgres: PostgresServer = request.getfixturevalue("postgres")
    return postgres.create_database()


@pytest.fixture
async def server(ledger_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    """A server that is up."""
    log = tmp_path / "server.log"
    server = Server(ledger_url, log, settings=PATIENT)
    await server.start()
    yield server
    await server.close()
    print(f"The end of the server's log:\n{log.read_text()[-LOG_SHOWN:]}")


@pytest.fixture
def plan(pytestconfig: pytest.Config) -> Plan:
    """What the options say, and short where they say nothing."""
    # The options are there only when these tests are named on the command line.
    kills = LONG_KILLS if pytestconfig.getoption("--campaign", False) else SHORT_KILLS
    seed = pytestconfig.getoption("--seed", None)
    plan = Plan(
        kills=pytestconfig.getoption("--kills", None) or kills,
        seconds=pytestconfig.getoption("--seconds", None) or SECONDS,
        seed=time.time_ns() % 1_000_000 if seed is None else seed,
    )
    print(f"crash campaign: --seed {plan.seed}")
    return plan


@pytest.fixture
def totals(request: pytest.FixtureRequest, plan: Plan) -> Iterator[Totals]:
    """To be filled by the test; shown in the closing lines."""
    totals = Totals(request.node.name, plan.seed)
    yield totals
    note_campaign(request.node, totals)
