"""The reads that are measured find in a demo what they look for, on each kind of database."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from bench.fill import demo, fill_interlock
from bench.http_client import Target
from bench.queries import goal, measure_queries
from interlock.settings import Settings
from tests.conftest import FreshDatabase, LiveServer

RUNS = 2_000
BASE = datetime(2026, 3, 1, 12, tzinfo=UTC)
FEW = "rare tag|state and tag|like, few"
"""Of these there may be none among so few."""


@pytest.fixture(scope="module")
def reports(fresh_database: FreshDatabase) -> Iterator[dict[str, Any]]:
    """The figures of a server that holds a demo, by query."""
    with fresh_database() as url:
        fill_interlock(url, demo(RUNS, BASE))
        with LiveServer(Settings(database_url=url)) as server:
            yield asyncio.run(measure_queries(Target.parse(server.url), BASE, repeats=1))


def test_every_query_is_answered_and_finds_something(reports: dict[str, Any]) -> None:
    """With a time for each."""
    assert {label: x["failures"] for label, x in reports.items() if x["failures"]} == {}
    assert {label for label, x in reports.items() if not x["size"]} <= {x for x in reports if re.search(FEW, x)}
    assert all(x["p50"] > 0 for x in reports.values())


def test_counts_and_histories_are_of_the_whole_demo(reports: dict[str, Any]) -> None:
    """A history leaves out only what began before its first moment."""
    assert reports["count"]["size"] == reports["counts by state"]["size"] == RUNS
    assert RUNS * 0.99 < reports["history of 24 h by 15 min"]["size"] <= RUNS


@pytest.mark.parametrize(("runs", "expected"), [(10_000, 50), (1_000_000, 50), (5_000_000, 100)])
def test_goals_are_for_a_million_runs_and_twice_as_long_for_more(runs: int, expected: float) -> None:
    """And a query without a goal misses none."""
    assert goal({"goal": 50}, runs) == expected
    assert goal({"goal": None}, runs) is None
