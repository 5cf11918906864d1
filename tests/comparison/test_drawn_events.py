"""Interlock and the peer (3.9.1), sent the same events and asked the same, both at random, answer alike.

The seed is printed where a test fails. INTERLOCK_TEST_SEED repeats it, INTERLOCK_TEST_REQUESTS asks more.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest

from interlock.settings import Settings
from tests.acceptance.client import wait_until
from tests.comparison.drawn_events import Asked, begin_of_all, drawn_events, drawn_questions
from tests.comparison.http import Connection, Response
from tests.comparison.model import JSON
from tests.comparison.peer import NEW_LINE, running_peer
from tests.comparison.recordings import differing
from tests.comparison.replay import Answer
from tests.conftest import FreshDatabase, LiveServer

pytestmark = pytest.mark.timeout(600)

EVENTS = 200
REQUESTS = 250
SHOWN = 20
AT_ONCE = 50
SECONDS = 60


@dataclass(frozen=True)
class Drawn:
    """What was drawn from a seed, and what the peer answered."""

    seed: int
    events: list[dict[str, Any]]
    questions: list[Asked]
    answers: list[Answer]


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    """Asked of the peer once, for all databases."""
    seed = int(os.environ.get("INTERLOCK_TEST_SEED") or time.time_ns() % 1_000_000)
    random, begin = Random(seed), begin_of_all()
    events = drawn_events(random, begin, EVENTS)
    count = int(os.environ.get("INTERLOCK_TEST_REQUESTS") or REQUESTS)
    questions = list(drawn_questions(random, begin, [x["id"] for x in events], count))
    with running_peer(NEW_LINE) as url:
        answers = asked_all(url, events, questions)
    return Drawn(seed, events, questions, answers)


@pytest.fixture(scope="module")
def answers(fresh_database: FreshDatabase, drawn: Drawn) -> Iterator[list[Answer]]:
    """Interlock's."""
    with fresh_database() as url, LiveServer(Settings(database_url=url)) as live:
        yield asked_all(live.url, drawn.events, drawn.questions)


def asked_all(url: str, events: list[dict[str, Any]], questions: list[Asked]) -> list[Answer]:
    """A server's answers, once it has the events."""
    connection = Connection(url)
    for first in range(0, len(events), AT_ONCE):
        assert connection.send_json("POST", "/events", events[first : first + AT_ONCE]).status == 204
    since = {"occurred": {"since": min(x["occurred"] for x in events)}, "id": {"id": [x["id"] for x in events]}}
    everything = {"filter": since, "limit": 1}

    def has_all() -> bool | None:
        # The peer keeps them a while later.
        return connection.send_json("POST", "/events/filter", everything).body()["total"] == len(events) or None

    wait_until(has_all, "the server has the events", SECONDS)
    found = [answered(connection, x) for x in questions]
    connection.close()
    return found


def answered(connection: Connection, asked: Asked) -> Answer:
    """What a request leads to: of a page, all that follow it too."""
    response = connection.send_json("POST", asked.path, asked.body)
    if response.status != 200:
        return Answer(response.status, None)
    if asked.path == "/events/filter":
        return Answer(200, list(_pages(connection, response)))
    counts = [_times(x, "start_time", "end_time") for x in response.body()]
    return Answer(
        200, sorted(counts, key=lambda x: (-x["count"], x["label"], x["value"])) if _by_name(asked) else counts
    )


def _by_name(asked: Asked) -> bool:
    """Whether the order of equals is left to chance."""
    return asked.path.endswith(("/event", "/resource"))


def _pages(connection: Connection, response: Response) -> Iterator[JSON]:
    while True:
        page = response.body()
        # When a server took an event is its own affair.
        events = [_times({k: v for k, v in x.items() if k != "received"}, "occurred") for x in page["events"]]
        yield {"total": page["total"], "events": events}
        if page["next_page"] is None:
            return
        link = urlsplit(page["next_page"])
        response = connection.send("GET", f"{link.path.removeprefix('/api')}?{link.query}")


def _times(row: dict[str, Any], *names: str) -> dict[str, Any]:
    """The same with times in one spelling."""
    return row | {x: datetime.fromisoformat(row[x]).isoformat() for x in names}


def test_questions_are_answered_alike(drawn: Drawn, answers: list[Answer]) -> None:
    """Whatever the filter, in whatever order, page by page until the end; and whatever is counted."""
    print(f"INTERLOCK_TEST_SEED={drawn.seed}")
    failures = []
    for asked, expected, actual in zip(drawn.questions, drawn.answers, answers, strict=True):
        if lines := differing({"answer": expected}, {"answer": actual}):
            failures.append("\n    ".join([f"{asked.path} {json.dumps(asked.body)}", *lines[:8]]))
    if failures:
        pytest.fail(f"{len(failures)} of {len(drawn.questions)} differ\n" + "\n".join(failures[:SHOWN]), pytrace=False)


def test_the_questions_find_something(drawn: Drawn) -> None:
    """Most of them, and none of them fails: else nothing would be compared."""
    print(f"INTERLOCK_TEST_SEED={drawn.seed}")
    assert {x.status for x in drawn.answers} == {200}
    pages = [
        x.body[0]["total"] for x, asked in zip(drawn.answers, drawn.questions, strict=True) if "filter" in asked.path
    ]
    assert sum(1 for x in pages if 0 < x < EVENTS) > len(pages) / 3
