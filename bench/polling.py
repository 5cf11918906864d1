"""Workers that poll: each asks for the runs of its queue, and says from time to time that it lives.

What does not live here: the deployments (deployed.py), and the tables (scenarios/deployments.py).
"""

import asyncio
import gc
import itertools
import json
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import uvloop

from bench.bodies import encode
from bench.deployed import POOL, QUEUES, Deployments, queue_name
from bench.http_client import ConnectionFailure, HttpError, Target, connected
from bench.report import latency_summary

POLL_SECONDS = 10.0
HEARTBEAT_SECONDS = 30.0
"""How often the published clients do."""

WORKERS = 200
SECONDS = 3 * POLL_SECONDS
"""How many poll beside the writes, and for how long."""

AHEAD = timedelta(minutes=1)
WARM_UP = 3


def polls(target: Target, wanted: Deployments) -> dict[str, Iterator[bytes]]:
    """What workers and served flows ask, by what it is called. All ask for what is due in the first minute."""
    before = {"scheduled_before": (wanted.base + AHEAD).isoformat()}
    path, ids = f"/work_pools/{POOL}/get_scheduled_flow_runs", wanted.ids()
    one_queue = (target.post(path, encode(before | {"work_queue_names": [queue_name(n)]})) for n in range(QUEUES))
    some = [ids[first : first + 100] for first in range(0, len(ids), 100)]
    served = "/deployments/get_scheduled_flow_runs"
    return {
        "poll of a work pool": itertools.repeat(target.post(path, encode(before))),
        "poll of a work queue": itertools.cycle(list(one_queue)),
        "poll of a served flow": itertools.cycle(
            [target.post(served, encode(before | {"deployment_ids": [x]})) for x in ids[:100]]
        ),
        "poll of 100 served flows": itertools.cycle(
            [target.post(served, encode(before | {"deployment_ids": x})) for x in some]
        ),
    }


async def measure_polls(target: Target, wanted: Deployments, repeats: int) -> dict[str, dict[str, Any]]:
    """The latency of each kind of poll, one after another, and how many runs it is answered."""
    found = {}
    for label, requests in polls(target, wanted).items():
        seconds, runs = [], 0
        for _ in range(WARM_UP + repeats):
            # A connection each: the peer closes those that wait for long.
            async with connected(target) as connection:
                sent = time.perf_counter()
                answer = await connection.request(next(requests))
                seconds.append(time.perf_counter() - sent)
            if not answer.ok:
                raise RuntimeError(f"{label}: {answer.status} {answer.body[:200]!r}")
            runs = answer.body.count(b'"run-')
        found[label] = {**(latency_summary(seconds[WARM_UP:]) or {}), "runs": runs}
    return found


async def poll_for(target: Target, wanted: Deployments, workers: int, seconds: float) -> dict[str, Any]:
    """So many workers poll their queues as often as the published clients do: the latency, and what failed."""
    end = time.perf_counter() + seconds
    outcomes = await asyncio.gather(*(_work(target, wanted, number, workers, end) for number in range(workers)))
    return {
        "latency_ms": latency_summary(itertools.chain.from_iterable(x for x, _ in outcomes)),
        "failed": sum(failed for _, failed in outcomes),
    }


async def _work(
    target: Target, wanted: Deployments, number: int, workers: int, end: float
) -> tuple[Sequence[float], int]:
    """A worker: its polls' seconds, and how many of its requests failed. A client connects anew where it must."""
    before = {"scheduled_before": (wanted.base + AHEAD).isoformat(), "work_queue_names": [queue_name(number % QUEUES)]}
    poll = target.post(f"/work_pools/{POOL}/get_scheduled_flow_runs", encode(before))
    name = {"name": f"worker-{number}", "heartbeat_interval_seconds": int(HEARTBEAT_SECONDS)}
    heartbeat = target.post(f"/work_pools/{POOL}/workers/heartbeat", encode(name))
    seconds: list[float] = []
    failed, begun, turn = 0, time.perf_counter() + POLL_SECONDS * number / workers, 0
    while (due := begun + turn * POLL_SECONDS) < end:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        try:
            async with connected(target) as connection:
                if turn % int(HEARTBEAT_SECONDS // POLL_SECONDS) == 0:
                    failed += not (await connection.request(heartbeat)).ok
                sent = time.perf_counter()
                failed += not (await connection.request(poll)).ok
                seconds.append(time.perf_counter() - sent)
        except (ConnectionFailure, HttpError):
            failed += 1
        turn += 1
    return seconds, failed


def main() -> None:
    """Poll a running server for a while, and print the report as JSON."""
    url, base, count = sys.argv[1:]
    wanted = Deployments(datetime.fromisoformat(base), int(count), 0)
    gc.disable()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(poll_for(Target.parse(url), wanted, WORKERS, SECONDS))))


if __name__ == "__main__":
    main()
