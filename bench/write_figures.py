"""The load's reports as rows and notes of a table. What does not live here: the scenarios that make the reports."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from bench.options import Options
from bench.report import Row, median

Reports = Mapping[tuple[str, int], Sequence[dict[str, Any]]]
"""By column and number of connections, the report of each round (see load.measure)."""

# label, unit, which way is better, path in the load's report
MEASURES: list[tuple[str, str, Literal["more", "less", "equal"], tuple[str, ...]]] = [
    ("writes", "1/s", "more", ("writes_per_second",)),
    ("create p50", "ms", "less", ("latency_ms", "create", "p50")),
    ("create p99", "ms", "less", ("latency_ms", "create", "p99")),
    ("set_state p50", "ms", "less", ("latency_ms", "set_state", "p50")),
    ("set_state p99", "ms", "less", ("latency_ms", "set_state", "p99")),
    ("failed requests", "", "equal", ("failed",)),
    ("server CPU a write", "ms", "less", ("cpu_ms_per_write", "server")),
    ("PostgreSQL's CPU a write", "ms", "less", ("cpu_ms_per_write", "database")),
    ("memory of the servers", "MiB", "less", ("memory_mib",)),
]


def rows(columns: Sequence[str], connections: int, reports: Reports) -> list[Row]:
    """Medians of the rounds; no row for what nobody measured."""
    at = f"{connections} connection{'s' * (connections > 1)}"
    found = []
    for label, unit, better, path in MEASURES:
        values = tuple(median(_dig(report, path) for report in reports[name, connections]) for name in columns)
        if any(value is not None for value in values):
            found.append(Row(f"{at}: {label}", unit, values, better))
    return found


def notes(options: Options, reports: Reports) -> list[str]:
    """How it was measured, and what is to be doubted."""
    found = [
        f"Closed load for {options.seconds:g} s after {options.warm_up:g} s of warm-up, medians of {options.rounds} "
        f"round(s); the load on a core of its own. Each request counts as a write."
    ]
    if all(_lost(report) == 0 for rounds in reports.values() for report in rounds):
        found.append("Afterwards each server was asked: it had stored every run acknowledged as COMPLETED.")
    return found + [doubt for key, rounds in reports.items() for report in rounds for doubt in _doubts(key, report)]


def _dig(report: dict[str, Any], path: tuple[str, ...]) -> float | None:
    found: Any = report
    for key in path:
        found = None if found is None else found.get(key)
    return None if found is None else float(found)


def _lost(report: dict[str, Any]) -> int:
    """Runs acknowledged as COMPLETED that are not stored as such (negative: stored without an acknowledgement)."""
    return int(report["completed"]["acknowledged"] - report["completed"]["counted"])


def _doubts(key: tuple[str, int], report: dict[str, Any]) -> list[str]:
    """What makes a report suspect: failures, or a count of completed runs other than what was acknowledged."""
    name, connections = key
    doubts = [
        f"{name}, {connections} connections: {count} x {failure}" for failure, count in report["failures"].items()
    ]
    if lost := _lost(report):
        doubts.append(
            f"{name}, {connections} connections: stored COMPLETED runs differ from acknowledged by {-lost:+d}"
        )
    if report["load_cpu_share"] > 0.9:
        doubts.append(f"{name}, {connections} connections: the load generator itself was the limit")
    return doubts
