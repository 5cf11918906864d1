"""Servers that are killed while background tasks stream through them: none is lost."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.crash.servers import Server
from tests.databases import PostgresDatabases, violations_in

from .client import wait_until
from .conftest import SOON
from .streams import LIMIT, Stream, stream, url_of

RUNS = 25
"""More than two workers of the newer line run at a time."""

LATER = 5


@pytest.fixture
async def pair(postgres_databases: PostgresDatabases, tmp_path: Path) -> AsyncIterator[tuple[Server, Server]]:
    """Two servers on one database. At the end their ledger is as it must be."""
    url = postgres_databases.create()
    first, second = (Server(url, tmp_path / f"server-{x}.log", settings=SOON) for x in range(2))
    await first.start()
    await second.start()
    yield first, second
    await first.close()
    await second.close()
    assert await violations_in(url) == []
    postgres_databases.drop(url)


async def test_workers_come_back_to_a_server_that_is_killed(steps: Stream, line: str, server: Server) -> None:
    """They end what they have in hand, and go on with what waits there and what comes. Only what they had acknowledged
    and not begun may be run by two."""
    for _ in range(2):
        steps.worker()
    steps.wait_for_workers(2)
    later = steps.submitter(LATER, first=RUNS, late=True)
    steps.note(steps.submitter(RUNS))
    begun = RUNS if line == "2.20" else 2 * LIMIT
    wait_until(lambda: len(steps.in_state("RUNNING")) == begun, "the workers have their hands full")
    await server.kill()
    await server.start()
    steps.open_gate()
    steps.note(later)
    steps.wait_until_completed(set(range(RUNS + LATER)))
    assert steps.executions().keys() == set(range(RUNS + LATER))
    assert max(steps.executions().values()) <= 2


async def test_workers_of_another_server_go_on(line: str, pair: tuple[Server, Server], tmp_path: Path) -> None:
    """Each server's workers run what is submitted to the other one; when theirs is killed, others are given what they
    had not begun."""
    here, there = pair
    with stream(line, url_of(here), tmp_path / "home") as steps:
        stranded, heir = steps.worker(api_url=url_of(there)), steps.worker(late=True)
        submitter = steps.submitter(RUNS)
        steps.wait_for("began", 3)
        steps.open_gate()
        steps.wait_for("ended", 3)
        await there.kill()
        steps.note(submitter)
        steps.wait_until_completed_or_left_by([stranded])
        assert steps.in_state("COMPLETED") <= steps.executions().keys()
        assert steps.begun_by([stranded])
        assert steps.begun_by([heir])
