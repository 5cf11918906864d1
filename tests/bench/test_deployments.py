"""The deployments that are measured on, on each kind of database: what polls are answered, and what passes make."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench.deployed import HOUR, Deployments
from bench.fill_deployments import fill_interlock
from bench.http_client import Target
from bench.polling import measure_polls, poll_for
from bench.scheduler_pass import passes
from bench.servers import Storage
from interlock.orchestration.schedules import times
from interlock.orchestration.scheduling import kind
from interlock.settings import Settings
from tests.conftest import FreshDatabase, LiveServer
from tests.quiet import QUIET

COUNT, RUNS_EACH = 120, 2
BASE = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=10)


def test_schedules_of_a_mix_are_of_all_kinds_and_spread_over_the_hour() -> None:
    """A quarter each, intervals of an hour and of a day."""
    wanted = Deployments(BASE, COUNT, 0, mixed=True)
    schedules = [wanted.schedule(number) for number in range(COUNT)]
    assert Counter(map(kind, schedules)) == {"IntervalSchedule": 60, "CronSchedule": 30, "RRuleSchedule": 30}
    for number, schedule in enumerate(schedules):
        assert next(times(schedule, BASE, BASE + 48 * HOUR)).minute == wanted.anchor(number).minute


@pytest.fixture
def storage(fresh_database: FreshDatabase, tmp_path: Path) -> Iterator[Storage]:
    """With Interlock's tables."""
    with fresh_database() as url:
        storage = Storage(tmp_path, url if url.startswith("postgresql") else None)
        with LiveServer(Settings(database_url=storage.interlock_url, **QUIET)):
            pass
        yield storage


def test_polls_find_the_runs_that_are_due(storage: Storage) -> None:
    """Those of the first minute, of which the last is due at its end."""
    wanted = Deployments(BASE, COUNT, RUNS_EACH)
    fill_interlock(storage, wanted)
    with LiveServer(Settings(database_url=storage.interlock_url, **QUIET)) as live:
        target = Target.parse(live.url)
        found = asyncio.run(measure_polls(target, wanted, repeats=1))
        told = asyncio.run(poll_for(target, wanted, workers=4, seconds=0.2))
    assert found["poll of a work pool"]["runs"] == 3
    assert all(x["p50"] > 0 for x in found.values())
    assert told["failed"] == 0
    assert told["latency_ms"]["p50"] > 0


def test_a_pass_makes_three_runs_of_each_schedule(storage: Storage) -> None:
    fill_interlock(storage, Deployments(BASE, COUNT, 0, mixed=True))
    first, idle = asyncio.run(passes(storage.interlock_url))
    assert first > 0
    assert idle > 0
    with LiveServer(Settings(database_url=storage.interlock_url, **QUIET)) as live, live.client() as client:
        assert client.post("/flow_runs/count", json={}).json() == 3 * COUNT
