"""Fixtures: the small correct ledger, once for the tests of a module."""

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.conftest import FreshDatabase
from tests.storage.invariants.ledgers import Breakable, breakable, careless_engine, fill


@pytest.fixture(scope="module")
def ledger_engine(fresh_database: FreshDatabase) -> Iterator[Engine]:
    """Careless connections to a database with the small correct ledger."""
    with fresh_database() as url:
        asyncio.run(fill(url))
        engine = careless_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture
def ledger(ledger_engine: Engine) -> Iterator[Breakable]:
    """That ledger, to be broken."""
    with breakable(ledger_engine) as opened:
        yield opened
