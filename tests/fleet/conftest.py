"""The fleets that tests share: three servers side by side, and one whose three workers share a port."""

from collections.abc import AsyncIterator

import pytest

from tests.databases import PostgresDatabases
from tests.fleet.fleet import Fleet, running_fleet

SHAPES: dict[str, tuple[int, tuple[str, ...]]] = {"three servers": (3, ()), "three workers": (1, ("--workers", "3"))}


@pytest.fixture(scope="package", params=SHAPES)
async def fleet(
    request: pytest.FixtureRequest, postgres_databases: PostgresDatabases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Fleet]:
    count, options = SHAPES[request.param]
    url = postgres_databases.create()
    async with running_fleet(url, tmp_path_factory.mktemp("fleet"), count, *options) as fleet:
        yield fleet
    postgres_databases.drop(url)
