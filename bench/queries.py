"""The read requests that are measured, their goals, and what makes two servers' answers to them comparable.

`python -m bench.queries URL BASE` measures them on any server that holds a demo (bench/fill.py) and prints JSON.
"""

import argparse
import asyncio
import gc
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import uvloop

from bench.bodies import encode
from bench.fill import DAY
from bench.http_client import Connection, Target, connected
from bench.load import exchange
from bench.report import latency_summary
from interlock.storage.demo.world import FLOWS, RARE_TAG

PAGE = 200  # the largest page the API allows
WARM_UP = 3
PATIENCE_SECONDS = 2.0
"""A query is repeated no more once it has taken so long, all its repetitions together."""

HISTORY_INTERVAL_SECONDS = 900
GOAL_RUNS = 1_000_000
"""The goals are for so many task runs, and up to twice as long for more."""

LARGEST_FLOW = max(FLOWS, key=lambda flow: flow.weight).name
SMALL_FLOW = min(FLOWS, key=lambda flow: flow.weight).name
TASK_RUN_SORTS = (
    *("ID_DESC", "EXPECTED_START_TIME_ASC", "EXPECTED_START_TIME_DESC", "NAME_ASC", "NAME_DESC"),
    *("NEXT_SCHEDULED_START_TIME_ASC", "END_TIME_DESC"),
)
FLOW_RUN_SORTS = (*TASK_RUN_SORTS, "START_TIME_ASC", "START_TIME_DESC")

OF_A_STATE: dict[str, Any] = {"state": {"type": {"any_": ["FAILED"]}}}
OF_A_TAG: dict[str, Any] = {"tags": {"all_": ["finance"]}}
OF_A_RARE_TAG: dict[str, Any] = {"tags": {"all_": [RARE_TAG]}}
OF_A_FLOW: dict[str, Any] = {"name": {"any_": [SMALL_FLOW]}}


@dataclass(frozen=True, slots=True)
class Query:
    """A kind of request; `requests` never ends. The goal is for p50, in milliseconds."""

    label: str
    requests: Iterator[bytes]
    goal: float | None = None


@dataclass(frozen=True, slots=True)
class _Subject:
    """A server, and the flow run of its demo that is looked at more closely: the last large one that is COMPLETED."""

    target: Target
    base: datetime
    flow_run: str

    def post(self, label: str, path: str, body: dict[str, Any], goal: float | None = None) -> Query:
        return Query(label, itertools.repeat(self.target.post(path, encode(body))), goal)

    def page(self, label: str, goal: float | None = 10, **body: Any) -> Query:
        return self.post(f"page of 200, {label}", "/task_runs/filter", {**body, "limit": PAGE}, goal)

    def count(self, label: str, goal: float | None = 5, **body: Any) -> Query:
        return self.post(f"count{label}", "/task_runs/count", body, goal)

    def history(self, label: str, goal: float | None, kind: str = "task_runs", **body: Any) -> Query:
        times = {"history_start": (self.base - DAY).isoformat(), "history_end": self.base.isoformat()}
        body |= times | {"history_interval_seconds": HISTORY_INTERVAL_SECONDS}
        return self.post(f"history of 24 h by 15 min{label}", f"/{kind}/history", body, goal)


async def queries(connection: Connection, target: Target, base: datetime) -> list[Query]:
    """All queries, for a server that holds a demo made for `base`."""
    large = {"flows": {"name": {"any_": [LARGEST_FLOW]}}, "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
    body = encode({**large, "sort": "START_TIME_DESC", "limit": 1})
    flow_run = (await exchange(connection, target.post("/flow_runs/filter", body)))[0]["id"]
    page = await exchange(connection, target.post("/task_runs/filter", encode({"limit": PAGE})))
    subject = _Subject(target, base, flow_run)
    requests = itertools.cycle([target.get(f"/task_runs/{run['id']}") for run in page])
    return [*_pages(subject), *_counts(subject), Query("GET of a run", requests, 1), *_others(subject)]


def _pages(subject: _Subject) -> Iterator[Query]:
    for sort in TASK_RUN_SORTS:
        yield subject.page(sort, sort=sort)
    yield subject.page("by a rare tag", 15, task_runs=OF_A_RARE_TAG)
    yield subject.page("by a common tag", None, task_runs=OF_A_TAG)
    yield subject.page("by state and tag", None, task_runs=OF_A_STATE | OF_A_TAG)
    yield subject.page("by flow run", 10, flow_runs={"id": {"any_": [subject.flow_run]}})
    yield subject.page("by flow", None, flows=OF_A_FLOW)
    yield subject.page("by name like, many", None, task_runs={"name": {"like_": "load_table"}})
    yield subject.page("by name like, few", None, task_runs={"name": {"like_": "read_day-399"}})


def _counts(subject: _Subject) -> Iterator[Query]:
    flow_run = {"id": {"any_": [subject.flow_run]}}
    yield subject.count("")
    yield subject.count(" of a state", task_runs={"state": {"type": {"any_": ["COMPLETED"]}}})
    yield subject.post("counts by state", "/ui/task_runs/count", {}, 5)
    yield subject.count(" of a flow run", None, flow_runs=flow_run)
    yield subject.count(" of a flow", None, flows=OF_A_FLOW)
    yield subject.count(" of a tag", None, task_runs=OF_A_TAG)


def _others(subject: _Subject) -> Iterator[Query]:
    yield subject.history("", 50)
    yield subject.history(", of a tag", 300, task_runs=OF_A_TAG)
    yield subject.history(", of a flow", 300, flows=OF_A_FLOW)
    yield subject.history(", of a state", 300, task_runs=OF_A_STATE)
    for sort in FLOW_RUN_SORTS:
        yield subject.post(f"flow runs, {sort}", "/flow_runs/filter", {"sort": sort, "limit": PAGE})
    yield subject.history(" of flow runs", None, "flow_runs")
    graph = subject.target.get(f"/flow_runs/{subject.flow_run}/graph-v2")
    yield Query("graph of a large flow run", itertools.repeat(graph))
    logs = {"logs": {"flow_run_id": {"any_": [subject.flow_run]}}, "sort": "TIMESTAMP_ASC", "limit": PAGE}
    yield subject.post("logs of a flow run", "/logs/filter", logs)


async def measure_queries(target: Target, base: datetime, repeats: int) -> dict[str, dict[str, Any]]:
    """Each query's latency summary, its goal, the size of its answer and its failures; one connection, one query after
    another."""
    async with connected(target) as connection:
        wanted = await queries(connection, target, base)
        return {query.label: await _measure(connection, query, repeats) for query in wanted}


async def _measure(connection: Connection, query: Query, repeats: int) -> dict[str, Any]:
    seconds: list[float] = []
    failures, started = 0, time.perf_counter()
    for number in range(WARM_UP + repeats):
        sent = time.perf_counter()
        if number and sent - started > PATIENCE_SECONDS:
            break
        answer = await connection.request(next(query.requests))
        seconds.append(time.perf_counter() - sent)
        failures += not answer.ok
    size = answer_size(json.loads(answer.body)) if answer.ok else None
    measured = latency_summary(seconds[WARM_UP:] or seconds) or {}
    return {**measured, "size": size, "goal": query.goal, "failures": failures}


def answer_size(answer: Any) -> int:
    """What two servers with the same data must agree on: the rows of a page, a count, the runs of a history."""
    if isinstance(answer, list) and answer and "states" in answer[0]:
        return sum(state["count_runs"] for bucket in answer for state in bucket["states"])
    if isinstance(answer, dict):
        return sum(answer.values()) if all(isinstance(value, int) for value in answer.values()) else 1
    return len(answer) if isinstance(answer, list) else int(answer)


def goal(report: dict[str, Any], runs: int) -> float | None:
    """What p50 is to be at most, for a query measured with so many task runs."""
    wanted: float | None = report["goal"]
    return wanted if wanted is None or runs <= GOAL_RUNS else 2 * wanted


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.queries", description=__doc__)
    parser.add_argument("url", help="base URL of the API, such as http://127.0.0.1:4200/api")
    parser.add_argument("base", type=datetime.fromisoformat, help="the time at which the demo was made")
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    gc.disable()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        work = measure_queries(Target.parse(options.url), options.base, options.repeats)
        print(json.dumps(runner.run(work)))


if __name__ == "__main__":
    main()
