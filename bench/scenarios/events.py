"""Task runs of the 3.x line, whose states arrive as events: how many are recorded a second, and how soon they show."""

from collections.abc import Iterator
from typing import Any, Literal

from bench.context import Bench
from bench.event_load import measure_delay, measure_rate
from bench.load import run as run_load
from bench.options import DATABASES
from bench.report import Row, Section, median
from bench.servers import Launch, of_line_3

CLIENTS = (1, 10, 50)
RUNS = {"peer": 150, "Interlock": 10_000}
"""So many take the peer some 10 seconds, and Interlock a few."""

SHOWN_RUNS = 100
SHOWN_A_SECOND = 10
"""Half of what the peer can be sent at most."""

MEASURES: list[tuple[str, str, Literal["more", "less", "equal"], tuple[str, ...]]] = [
    ("events recorded", "1/s", "more", ("per_second",)),
    ("server CPU an event", "ms", "less", ("cpu_ms", "server")),
    ("PostgreSQL's CPU an event", "ms", "less", ("cpu_ms", "database")),
    ("sent to visible p50", "ms", "less", ("delay_ms", "p50")),
    ("sent to visible p99", "ms", "less", ("delay_ms", "p99")),
    ("runs that were not recorded", "", "less", ("unrecorded",)),
]


def run(bench: Bench, database: str) -> Section:
    """Rounds of (peer 3.9.1, Interlock), each cell on a server of its own; medians."""
    launches = [of_line_3(x) for x in bench.launches]
    names = tuple(x.name for x in launches)
    reports: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for number in range(bench.options.rounds):
        for launch in launches:
            for clients in CLIENTS:
                report = _report(bench, launch, database, clients, number)
                reports.setdefault((launch.name, clients), []).append(report)
    section = Section(f"Task runs told by events on {DATABASES[database]}", bench.command("events", database), names)
    section.raw = {f"{name} {clients}": rounds for (name, clients), rounds in reports.items()}
    section.rows = [row for clients in CLIENTS for row in _rows(names, clients, reports)]
    section.notes.append("The peer is 3.9.1. Each run has three events; visible is what GET /task_runs/{id} answers.")
    return section


def _report(bench: Bench, launch: Launch, database: str, clients: int, number: int) -> dict[str, Any]:
    runs = max(RUNS[launch.name] // (10 if bench.options.seconds < 5 else 1), clients)
    name = f"events-{launch.name}-{clients}-{number}"
    with bench.storage(database, name) as storage, bench.server(launch, storage) as server:
        delay = run_load(measure_delay(server.target, clients, SHOWN_A_SECOND, SHOWN_RUNS))
        watched = bench.watched(storage, server)
        return delay | run_load(measure_rate(server.target, clients, runs, watched))


def _rows(names: tuple[str, ...], clients: int, reports: dict[tuple[str, int], list[dict[str, Any]]]) -> Iterator[Row]:
    for label, unit, better, path in MEASURES:
        values = tuple(median(_at(x, path) for x in reports[name, clients]) for name in names)
        if any(x is not None for x in values):
            yield Row(f"{clients} {'client' if clients == 1 else 'clients'}: {label}", unit, values, better)


def _at(report: Any, path: tuple[str, ...]) -> float | None:
    for key in path:
        report = None if report is None else report.get(key)
    return None if report is None else float(report)
