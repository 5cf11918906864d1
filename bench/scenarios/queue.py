"""Background task runs delivered to subscribers: how many a second, and how soon after they were submitted.

The queue holds nothing else, or a million runs from before: a tenth of them of the task that is delivered, first come
first served, the others of nine more. How soon is always measured with a task of which nothing else waits.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

from bench.context import AnyServer, Bench
from bench.fill_queue import TASKS, copy_runs, give_back, plant, task_key
from bench.load import run as run_load
from bench.options import DATABASES
from bench.queue_load import measure_latency, measure_rate, post
from bench.report import Row, Section, median
from bench.servers import Launch, Server, Storage

SUBSCRIBERS = (1, 10, 100)
BACKLOG_TASK = "letters"
MOST_OF_PEER = 1000
"""So many runs of a task are in the memory of the peer's server. The request that submits one more is not answered."""

POSTING_CONNECTIONS = {"peer": 1, "Interlock": 50}
"""With more than one the peer's SQLite is locked, and most of the requests are answered with 503."""

SUBMITTED_A_SECOND = {"peer": 20, "Interlock": 200}
"""A tenth of the deliveries that Interlock is meant for; half of what the peer can be sent at most."""

# label, unit, which way is better, path in the report
MEASURES: list[tuple[str, str, Literal["more", "less", "equal"], tuple[str, ...]]] = [
    ("delivered and acknowledged", "1/s", "more", ("rate", "per_second")),
    ("server CPU a delivery", "ms", "less", ("rate", "cpu_ms", "server")),
    ("PostgreSQL's CPU a delivery", "ms", "less", ("rate", "cpu_ms", "database")),
    ("answer to delivery p50", "ms", "less", ("latency", "from_answer_ms", "p50")),
    ("answer to delivery p99", "ms", "less", ("latency", "from_answer_ms", "p99")),
    ("request to delivery p50", "ms", "less", ("latency", "from_post_ms", "p50")),
    ("request to delivery p99", "ms", "less", ("latency", "from_post_ms", "p99")),
    ("memory of the servers before", "MiB", "less", ("memory_before",)),
    ("memory of the servers after", "MiB", "less", ("memory_after",)),
]

Reports = dict[tuple[str, int, int], list[dict[str, Any]]]
"""By server, number of runs that wait from before, and number of subscribers, the report of each round."""


def run(bench: Bench, database: str) -> Section:
    """Rounds of (peer, Interlock), each cell on a server of its own; medians."""
    reports: Reports = {}
    launches = [_with_scheduling(launch) for launch in bench.launches]
    for number in range(bench.options.rounds):
        for launch in launches:
            for subscribers in SUBSCRIBERS:
                with bench.storage(database, f"queue-{launch.name}-{subscribers}-{number}") as storage:
                    report = _of_empty_if_answered(bench, launch, storage, subscribers)
                reports.setdefault((launch.name, 0, subscribers), []).append(report)
    for launch in launches:
        if launch.name != "peer" and bench.is_ours(launch):
            _measure_full(bench, launch, database, reports)
    names = tuple(launch.name for launch in launches)
    section = Section(f"Background task runs on {DATABASES[database]}", bench.command("queue", database), names)
    section.raw = {" ".join(map(str, key)): rounds for key, rounds in reports.items()}
    section.rows = [
        row
        for waiting in (0, bench.options.waiting_runs)
        for subscribers in SUBSCRIBERS
        for row in _rows(names, waiting, subscribers, reports)
    ]
    section.notes = _notes(bench, reports)
    return section


def _with_scheduling(launch: Launch) -> Launch:
    """The peer has no queue unless it is told to."""
    told = {"PREFECT_EXPERIMENTAL_ENABLE_TASK_SCHEDULING": "true"}
    return replace(launch, environment=lambda storage: launch.environment(storage) | told)


def _of_empty(bench: Bench, launch: Launch, storage: Storage, subscribers: int) -> dict[str, Any]:
    """The report of a queue with nothing in it but what is submitted meanwhile."""
    backlog = bench.options.backlog if launch.name != "peer" else min(bench.options.backlog, MOST_OF_PEER)
    with bench.server(launch, storage) as server:
        latency = _latency(bench, launch, server, subscribers)
        run_load(post(server.target, BACKLOG_TASK, backlog, POSTING_CONNECTIONS[launch.name]))
        return latency | _rate(bench, server, storage, BACKLOG_TASK, subscribers, backlog)


def _of_empty_if_answered(bench: Bench, launch: Launch, storage: Storage, subscribers: int) -> dict[str, Any]:
    """The same, but where the peer lets no subscriber in, that is what is told of it."""
    try:
        return _of_empty(bench, launch, storage, subscribers)
    except TimeoutError as error:
        if launch.name != "peer":
            raise
        return {"failed": str(error)}


def _measure_full(bench: Bench, launch: Launch, database: str, reports: Reports) -> None:
    """The reports of a queue in which runs wait from before."""
    waiting = bench.options.waiting_runs
    with _filled(bench, launch, database) as storage:
        for _ in range(bench.options.rounds):
            for subscribers in SUBSCRIBERS:
                with bench.server(launch, storage) as server:
                    latency = _latency(bench, launch, server, subscribers)
                    rate = _rate(bench, server, storage, task_key(0), subscribers, waiting // TASKS)
                reports.setdefault((launch.name, waiting, subscribers), []).append(latency | rate)
                give_back(storage)
                _settle(bench, storage)


@contextmanager
def _filled(bench: Bench, launch: Launch, database: str) -> Iterator[Storage]:
    """A storage in whose queue runs wait; no server is running."""
    with bench.storage(database, f"queue-{launch.name}-filled") as storage:
        with bench.server(launch, storage) as server:
            run_load(plant(server.target))
        copy_runs(storage, bench.options.waiting_runs)
        _settle(bench, storage)
        yield storage


def _settle(bench: Bench, storage: Storage) -> None:
    if storage.postgresql is not None:
        bench.postgres.settle(storage.postgresql)


def _latency(bench: Bench, launch: Launch, server: AnyServer, subscribers: int) -> dict[str, Any]:
    options, rate = bench.options, SUBMITTED_A_SECOND[launch.name]
    key = f"at-once-{server.target.port}"
    work = measure_latency(server.target, key, subscribers, rate, options.seconds, options.warm_up)
    return {"latency": run_load(work)}


def _rate(
    bench: Bench, server: AnyServer, storage: Storage, key: str, subscribers: int, waiting: int
) -> dict[str, Any]:
    watched = bench.watched(storage, server)
    before = _resident_mib(server)
    rate = run_load(measure_rate(server.target, key, subscribers, waiting, bench.options.seconds, watched))
    return {"rate": rate, "memory_before": before, "memory_after": _resident_mib(server)}


def _resident_mib(server: AnyServer) -> float | None:
    return server.processes().resident_mib()[1] if isinstance(server, Server) else None


def _rows(names: tuple[str, ...], waiting: int, subscribers: int, reports: Reports) -> Iterator[Row]:
    """Medians of the rounds; no row for what nobody measured."""
    at = f"{waiting:,} waiting, {subscribers} subscriber{'s' * (subscribers > 1)}"
    for label, unit, better, path in MEASURES:
        rounds = (reports.get((name, waiting, subscribers), []) for name in names)
        values = tuple(median(_dig(report, path) for report in found) for found in rounds)
        if any(value is not None for value in values):
            yield Row(f"{at}: {label}", unit, values, better)


def _dig(report: dict[str, Any], path: tuple[str, ...]) -> float | None:
    found: Any = report
    for key in path:
        found = None if found is None else found.get(key)
    return None if found is None else float(found)


def _notes(bench: Bench, reports: Reports) -> list[str]:
    """How it was measured, and what is to be doubted."""
    options = bench.options
    found = [
        f"Rate: {options.backlog:,} runs are posted, then the subscribers come, and take until there are fewer than "
        f"they are or {options.seconds:g} s have passed; medians of {options.rounds} round(s). Of the peer no more "
        f"than {MOST_OF_PEER:,}: the next request would wait for a subscriber.",
        f"Latency: {SUBMITTED_A_SECOND['Interlock']} runs a second are submitted one by one to Interlock, "
        f"{SUBMITTED_A_SECOND['peer']} to the peer, which takes no more than some 40 to 100.",
        f"{options.waiting_runs:,} waiting: of ten tasks, of which one is delivered. There is no such figure of the "
        f"peer: its queue is in the memory of its process, {MOST_OF_PEER:,} runs of a task at most.",
    ]
    return found + [doubt for key, rounds in reports.items() for report in rounds for doubt in _doubts(key, report)]


def _doubts(key: tuple[str, int, int], report: dict[str, Any]) -> list[str]:
    """What makes a report suspect: runs that came twice or never, sockets lost, posts refused or left out."""
    name, waiting, subscribers = key
    at = f"{name}, {waiting:,} waiting, {subscribers} subscribers"
    if "failed" in report:
        return [f"{at}: {report['failed']}"]
    latency, rate = report["latency"], report["rate"]
    counts = {
        "runs delivered twice": rate["twice"],
        "runs never delivered": latency["undelivered"],
        "sockets lost": rate["lost_sockets"] + latency["lost_sockets"],
        "posts left out": latency["left_out"],
        **{f"failed posts ({failure})": count for failure, count in latency["failed"].items()},
    }
    doubts = [f"{count} {what}" for what, count in counts.items() if count]
    if rate["load_cpu_share"] > 0.9:
        doubts.append("the load generator itself was the limit")
    return [f"{at}: {doubt}" for doubt in doubts]
