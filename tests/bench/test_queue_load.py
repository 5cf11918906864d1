"""What is measured of the queue is what a real server delivers."""

import asyncio

import pytest

from bench.http_client import Target
from bench.queue_load import Deliveries, measure_latency, measure_rate, post
from tests.conftest import LiveServer

SECONDS = 30
RUNS, WORKERS = 20, 3


def test_the_rate_leaves_out_the_first_deliveries() -> None:
    deliveries = Deliveries()
    deliveries.times = [0.0, *(100 + n / 10 for n in range(9))]
    assert deliveries.rate() == pytest.approx(10)


def test_each_run_of_a_backlog_is_delivered_once(live_server: LiveServer) -> None:
    """Until there are fewer than workers."""
    target = Target.parse(live_server.url)
    asyncio.run(post(target, "backlog", RUNS))
    report = asyncio.run(measure_rate(target, "backlog", WORKERS, RUNS, SECONDS, {}))
    assert RUNS - WORKERS <= report["delivered"] <= RUNS
    assert (report["twice"], report["lost_sockets"]) == (0, 0)
    assert report["per_second"] > 0


def test_what_is_submitted_is_seen_to_arrive(live_server: LiveServer) -> None:
    target = Target.parse(live_server.url)
    report = asyncio.run(measure_latency(target, "at once", WORKERS, rate=100, seconds=0.3, warm_up=0.1))
    assert (report["undelivered"], report["failed"], report["lost_sockets"]) == (0, {}, 0)
    assert report["from_post_ms"]["n"] == report["from_answer_ms"]["n"] > 0
    assert report["from_post_ms"]["p50"] >= report["from_answer_ms"]["p50"]
