"""State writes a second: task runs created and taken to RUNNING and COMPLETED, at several numbers of connections."""

from typing import Any

from bench.context import Bench
from bench.load import measure
from bench.load import run as run_load
from bench.report import Row, Section, median

# label, unit, which way is better, path in the load's report
MEASURES: list[tuple[str, str, Any, tuple[str, ...]]] = [
    ("writes", "1/s", "more", ("writes_per_second",)),
    ("create p50", "ms", "less", ("latency_ms", "create", "p50")),
    ("create p99", "ms", "less", ("latency_ms", "create", "p99")),
    ("set_state p50", "ms", "less", ("latency_ms", "set_state", "p50")),
    ("set_state p99", "ms", "less", ("latency_ms", "set_state", "p99")),
    ("failed requests", "", "equal", ("failed",)),
    ("server CPU a write", "ms", "less", ("server_cpu_ms_per_write",)),
]

Reports = dict[tuple[str, int], list[dict[str, Any]]]


def run(bench: Bench) -> Section:
    """Rounds of (peer, Interlock), each on a fresh database; the table shows the medians of the rounds."""
    reports: Reports = {}
    for round_number in range(bench.options.rounds):
        for launch in bench.launches:
            with bench.server(launch, bench.folder / f"writes-{launch.name}-{round_number}") as server:
                for connections in bench.options.connections:
                    work = measure(
                        server.target, connections, bench.options.seconds, bench.options.warm_up, server.processes()
                    )
                    reports.setdefault((launch.name, connections), []).append(run_load(work))
    return _section(bench, reports)


def _section(bench: Bench, reports: Reports) -> Section:
    options = bench.options
    names = tuple(launch.name for launch in bench.launches)
    title = "Writes: create, RUNNING, COMPLETED"
    section = Section(title, bench.command("writes"), names, raw={f"{k[0]} {k[1]}": v for k, v in reports.items()})
    for connections in options.connections:
        at = f"{connections} connection{'s' * (connections > 1)}"
        for label, unit, better, path in MEASURES:
            values = tuple(median(_dig(report, path) for report in reports[name, connections]) for name in names)
            section.rows.append(Row(f"{at}: {label}", unit, values, better))
    section.notes.append(
        f"Closed load for {options.seconds:g} s after {options.warm_up:g} s of warm-up, medians of {options.rounds} "
        f"round(s); the load on a core of its own. Each request counts as a write."
    )
    if all(_lost(report) == 0 for rounds in reports.values() for report in rounds):
        section.notes.append("Afterwards each server was asked: it had stored every run acknowledged as COMPLETED.")
    section.notes += [note for key, rounds in reports.items() for report in rounds for note in _doubts(key, report)]
    return section


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
