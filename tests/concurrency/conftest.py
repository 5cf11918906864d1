"""Fixtures for tests of requests that meet: servers on one database, asked all at once, and what they leave behind."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from itertools import cycle
from typing import Any, NamedTuple

import httpx
import psycopg
import pytest

from interlock.settings import Settings
from tests.conftest import FreshDatabase, LiveServer
from tests.databases import violations_in
from tests.postgres import wait_until

SERVERS = {"sqlite": 1, "postgresql": 2}
"""The embedded database has one server; there the requests meet in its one writer."""

TIMEOUT_SECONDS = 60

OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


class Call(NamedTuple):
    """A request: its method, its path and its JSON body."""

    method: str
    path: str
    body: Any = None


def post(path: str, body: Any = None) -> Call:
    return Call("POST", path, body)


def patch(path: str, body: Any) -> Call:
    return Call("PATCH", path, body)


def delete(path: str) -> Call:
    return Call("DELETE", path)


class Fleet:
    """Servers on one database. `api` is a client of one of them."""

    def __init__(self, urls: Sequence[str], api: httpx.Client) -> None:
        self._urls = urls
        self.api = api

    def at_once(self, *calls: Call) -> list[httpx.Response]:
        """Make all these calls at the same time, at each server in turn; their answers in the same order."""
        return asyncio.run(self._make(calls))

    async def _make(self, calls: Sequence[Call]) -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=None)
        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(httpx.AsyncClient(base_url=x, limits=limits, timeout=TIMEOUT_SECONDS))
                for x in self._urls
            ]
            asked = zip(calls, cycle(clients), strict=False)
            return await asyncio.gather(*(client.request(x.method, x.path, json=x.body) for x, client in asked))


def statuses(answers: Sequence[httpx.Response]) -> Counter[int]:
    """How many answers have each status."""
    return Counter(x.status_code for x in answers)


@pytest.fixture(scope="package")
def fleet(fresh_database: FreshDatabase, database: str) -> Iterator[Fleet]:
    """Servers on a database of this folder. No two transactions may have waited for each other in the end: that is
    mended by trying again, but costs a second."""
    with fresh_database() as url:
        with running_fleet(url, SERVERS[database]) as running:
            yield running
        assert database == "sqlite" or _deadlocks(url) == 0


@contextmanager
def running_fleet(database_url: str, servers: int) -> Iterator[Fleet]:
    """Servers on a database, which must be whole in the end."""
    with ExitStack() as stack:
        urls = [stack.enter_context(_server(database_url)) for _ in range(servers)]
        api = stack.enter_context(httpx.Client(base_url=urls[0], timeout=TIMEOUT_SECONDS))
        yield Fleet(urls, api)
    assert asyncio.run(violations_in(database_url)) == []


@contextmanager
def _server(database_url: str) -> Iterator[str]:
    """The URL of a server that has been asked once: FastAPI puts routes together at the first request, and has warnings
    off in the whole process meanwhile, which two servers in one process must not do at once."""
    with LiveServer(Settings(database_url=database_url)) as server:
        assert httpx.get(f"{server.url}/nothing").status_code == 404
        yield server.url


def _deadlocks(url: str) -> int:
    """How many there were, which connections tell when they end."""
    with psycopg.connect(url, autocommit=True) as conn:
        wait_until(lambda: conn.execute(OTHERS).fetchone() == (0,), "the servers' connections outlive them")
        found = conn.execute(DEADLOCKS).fetchone()
    assert found is not None
    return int(found[0])
