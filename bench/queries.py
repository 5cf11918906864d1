"""The read requests that are measured, and what makes two servers' answers to them comparable."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bench import dataset
from bench.bodies import encode
from bench.http_client import Connection, Target, connected
from bench.load import exchange
from bench.report import latency_summary

PAGE = 200  # the largest page the API allows
WARM_UP = 3
HISTORY_INTERVAL_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Query:
    """A kind of request; `requests` never ends."""

    label: str
    requests: Iterator[bytes]


async def queries(connection: Connection, target: Target, base: datetime) -> list[Query]:
    """All queries, for a server that holds the data set made for `base`."""
    by_name = {"flow_runs": {"name": {"any_": [dataset.flow_run_name(dataset.FLOW_RUNS // 2)]}}}
    flow_run = (await exchange(connection, target.post("/flow_runs/filter", encode(by_name))))[0]["id"]
    page = await exchange(connection, target.post("/task_runs/filter", encode({"limit": PAGE})))
    failed_in_finance = {"state": {"type": {"any_": ["FAILED"]}}, "tags": {"all_": ["finance"]}}
    history = {
        "history_start": (base - dataset.DAY).isoformat(),
        "history_end": base.isoformat(),
        "history_interval_seconds": HISTORY_INTERVAL_SECONDS,
    }

    def post(label: str, path: str, body: dict[str, Any]) -> Query:
        return Query(label, itertools.repeat(target.post(path, encode(body))))

    return [
        post("page of 200, newest first", "/task_runs/filter", {"sort": "EXPECTED_START_TIME_DESC", "limit": PAGE}),
        post("page of 200, by name", "/task_runs/filter", {"sort": "NAME_ASC", "limit": PAGE}),
        post("runs of a flow run", "/task_runs/filter", {"flow_runs": {"id": {"any_": [flow_run]}}, "limit": PAGE}),
        post("page of 200, by state and tag", "/task_runs/filter", {"task_runs": failed_in_finance, "limit": PAGE}),
        post("count", "/task_runs/count", {}),
        post("count of a state", "/task_runs/count", {"task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}),
        post("counts by state", "/ui/task_runs/count", {}),
        Query("GET of a run", itertools.cycle([target.get(f"/task_runs/{run['id']}") for run in page])),
        post("history of 24 h by 15 min", "/task_runs/history", history),
    ]


async def measure_queries(target: Target, base: datetime, repeats: int) -> dict[str, dict[str, Any]]:
    """Each query's latency summary and the size of its answer, one connection, one query after another."""
    async with connected(target) as connection:
        wanted = await queries(connection, target, base)
        return {query.label: await _measure(connection, query, repeats) for query in wanted}


async def _measure(connection: Connection, query: Query, repeats: int) -> dict[str, Any]:
    for _ in range(WARM_UP):
        size = answer_size(await exchange(connection, next(query.requests)))
    seconds = [await _timed(connection, next(query.requests)) for _ in range(repeats)]
    return {**(latency_summary(seconds) or {}), "size": size}


async def _timed(connection: Connection, request: bytes) -> float:
    sent = time.perf_counter()
    answer = await connection.request(request)
    seconds = time.perf_counter() - sent
    if not answer.ok:
        raise RuntimeError(f"a read failed: HTTP {answer.status}: {answer.body[:300]!r}")
    return seconds


def answer_size(answer: Any) -> int:
    """What two servers with the same data must agree on: the rows of a page, a count, the runs of a history."""
    if isinstance(answer, list) and answer and "states" in answer[0]:
        return sum(state["count_runs"] for bucket in answer for state in bucket["states"])
    if isinstance(answer, dict):
        return sum(answer.values()) if all(isinstance(value, int) for value in answer.values()) else 1
    return len(answer) if isinstance(answer, list) else int(answer)
