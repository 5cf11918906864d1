"""Interlock and the peer, filled with the same records and asked the same, both at random, answer alike.

The seed is printed where a test fails. INTERLOCK_TEST_SEED repeats it, INTERLOCK_TEST_REQUESTS asks more.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import pytest

from interlock.settings import Settings
from tests.comparison.alike import Records, unlike
from tests.comparison.differences import with_additions
from tests.comparison.drawn_requests import Asked, drawn_requests
from tests.comparison.drawn_world import World, drawn_world
from tests.comparison.filled import Filled, filled
from tests.comparison.peer import running_peer
from tests.comparison.recordings import differing
from tests.comparison.replay import Answer
from tests.conftest import FreshDatabase, LiveServer
from tests.quiet import QUIET

pytestmark = pytest.mark.timeout(1800)

REQUESTS = 300
SHOWN = 30
LONG = 100_000
STILL = QUIET | {"task_grace_seconds": LONG, "task_pending_seconds": LONG}
"""Runs are neither made nor moved on meanwhile, as they aren't by a peer without its services."""


@dataclass(frozen=True)
class Drawn:
    """What was drawn from a seed, and what the peer answered."""

    seed: int
    world: World
    requests: list[Asked]
    made: dict[str, Answer]
    answers: list[Answer]
    records: Records


@pytest.fixture(scope="session")
def drawn() -> Drawn:
    """Asked of the peer once, for all databases."""
    seed = int(os.environ.get("INTERLOCK_TEST_SEED") or time.time_ns() % 1_000_000)
    random = Random(seed)
    world = drawn_world(random)
    requests = list(drawn_requests(random, world, int(os.environ.get("INTERLOCK_TEST_REQUESTS") or REQUESTS)))
    with running_peer() as url:
        peer = filled(url, world)
        answers = [_added(peer.ask(asked)) for asked in requests]
        peer.connection.close()
    made = {step: _added(answer) for step, answer in peer.answers.items()}
    return Drawn(seed, world, requests, made, answers, peer.normal_records())


def _added(answer: Answer) -> Answer:
    return Answer(answer.status, with_additions(answer.body))


@pytest.fixture(scope="module")
def interlock(fresh_database: FreshDatabase, drawn: Drawn) -> Iterator[Filled]:
    with fresh_database() as url, LiveServer(Settings(database_url=url, **STILL)) as live:
        server = filled(live.url, drawn.world)
        yield server
        server.connection.close()


def test_records_are_made_alike(drawn: Drawn, interlock: Filled) -> None:
    """Whatever is created, told to be next, or deleted is answered as the peer answers it."""
    print(f"INTERLOCK_TEST_SEED={drawn.seed}")
    steps = {step.name: step for step in drawn.world.steps}
    failures = []
    for name, answer in interlock.answers.items():
        if lines := differing({name: drawn.made[name]}, {name: answer}):
            failures.append("\n    ".join([f"{steps[name].path} {json.dumps(steps[name].body)}", *lines[:8]]))
    _report(failures, len(steps))


def test_requests_are_answered_alike(drawn: Drawn, interlock: Filled) -> None:
    """Whatever is asked, by whatever filters, in whatever order, on whichever page."""
    print(f"INTERLOCK_TEST_SEED={drawn.seed}")
    failures = []
    for asked, expected in zip(drawn.requests, drawn.answers, strict=True):
        if lines := unlike(asked, expected, interlock.ask(asked), drawn.records):
            failures.append("\n    ".join([f"{asked.path} {json.dumps(asked.body or asked.since)}", *lines[:8]]))
    _report(failures, len(drawn.requests))


def _report(failures: list[str], count: int) -> None:
    if failures:
        pytest.fail(f"{len(failures)} of {count} differ\n" + "\n".join(failures[:SHOWN]), pytrace=False)
