"""Reads and writes on ledgers of several sizes: each query's latency, alone and while 50 connections write, and what
the size of a ledger costs the writes and the disk."""

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from bench.context import AnyServer, Bench
from bench.filled import Filled, filled
from bench.load import measure, measure_while
from bench.load import run as run_load
from bench.options import DATABASES
from bench.queries import goal, measure_queries
from bench.report import Row, Section, median
from bench.servers import ROOT, Launch

WRITERS = 50
WRITES_KEPT = 0.8
"""The goal for the rate of writes, compared with that on an empty ledger."""

FIGURES: tuple[tuple[str, str, str, Any], ...] = (
    ("writes_on_empty", f"writes of {WRITERS} connections on an empty ledger", "1/s", "more"),
    ("writes", f"writes of {WRITERS} connections on this ledger", "1/s", "more"),
    ("writes_beside_queries", f"writes of {WRITERS} connections beside the queries", "1/s", "more"),
    ("mib_per_million", "size on the disk of a million task runs", "MiB", "less"),
    ("fill_seconds", "filling it by SQL", "s", "less"),
)
Report = dict[str, Any]


def run(bench: Bench, database: str, runs: int) -> Section:
    """A table for one size; the peer is in it up to the size that it is to be filled to."""
    launches = [x for x in bench.launches if x.name != "peer" or runs <= bench.options.peer_runs]
    reports = {launch.name: _report(bench, launch, database, runs) for launch in launches}
    title = f"Reads and writes on {DATABASES[database]} with {runs:,} task runs"
    found = section(title, bench.command("scale", database), runs, reports)
    made = "The servers hold the same made-up task runs of 24 hours, written by SQL."
    found.notes.insert(0, f"Each query up to {bench.options.repeats} times, one connection. {made}")
    return found


def section(title: str, command: str, runs: int, reports: Mapping[str, Report]) -> Section:
    """The reports of the servers, by name, as a table."""
    found = Section(title, command, tuple(reports), raw=reports)
    found.rows = [
        *_query_rows("alone", "", reports),
        *_query_rows("while_writing", f"while {WRITERS} connections write, ", reports),
        *(Row(label, unit, tuple(x[key] for x in reports.values()), better) for key, label, unit, better in FIGURES),
    ]
    found.notes = [
        *_differences(reports),
        *(missed for name, report in reports.items() if name != "peer" for missed in _missed(report, runs)),
    ]
    return found


def _report(bench: Bench, launch: Launch, database: str, runs: int) -> Report:
    data = filled(bench, launch, database, runs)
    with (
        bench.storage(database, f"scale-{launch.name}-{runs}") as empty,
        bench.server(launch, data.storage) as server,
        bench.server(launch, empty) as empty_server,
    ):
        alone = run_load(measure_queries(server.target, data.base, bench.options.repeats))
        queries = partial(_queries_of_another_process, server, data, bench.options.repeats)
        rate, beside = run_load(measure_while(server.target, WRITERS, bench.options.warm_up, queries))
        rounds = [(_rate(bench, empty_server), _rate(bench, server)) for _ in range(bench.options.rounds)]
    return {
        "alone": alone,
        "while_writing": beside,
        "writes_on_empty": median(first for first, _ in rounds),
        "writes": median(second for _, second in rounds),
        "writes_beside_queries": rate,
        "mib_per_million": data.size_bytes / 2**20 / runs * 1_000_000,
        "fill_seconds": data.fill_seconds,
    }


def _rate(bench: Bench, server: AnyServer) -> float:
    """Writes a second."""
    options = bench.options
    report = run_load(measure([server.target], WRITERS, options.seconds, options.warm_up, {}))
    return float(report["writes_per_second"])


async def _queries_of_another_process(server: AnyServer, data: Filled, repeats: int) -> Report:
    """The queries' report. Were they sent from the load's own process, they would wait for their turn in it."""
    command = (sys.executable, "-m", "bench.queries", server.target.url, data.base.isoformat(), f"--repeats={repeats}")
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    report: Report = json.loads(output)
    return report


def _query_rows(kind: str, heading: str, reports: Mapping[str, Report]) -> Iterator[Row]:
    for label in next(iter(reports.values()))[kind]:
        for share in ("p50", "p99"):
            values = tuple(report[kind][label].get(share) for report in reports.values())
            yield Row(f"{heading}{label}: {share}", "ms", values, "less")


def _differences(reports: Mapping[str, Report]) -> Iterator[str]:
    """Queries that failed, and those that two servers with the same data answer differently."""
    for name, report in reports.items():
        for kind in ("alone", "while_writing"):
            failed = {label: x["failures"] for label, x in report[kind].items() if x["failures"]}
            if failed:
                yield f"{name}, {kind}: queries failed: {failed}"
    for label in next(iter(reports.values()))["alone"]:
        sizes = [report["alone"][label]["size"] for report in reports.values()]
        if len(set(sizes)) > 1:
            yield f"The answers differ for {label!r}: {sizes}"


def _missed(report: Report, runs: int) -> Iterator[str]:
    """Goals that were not reached."""
    for label, measured in report["alone"].items():
        wanted = goal(measured, runs)
        if wanted is not None and measured.get("p50", wanted) > wanted:
            yield f"Goal missed: {label}: p50 {measured['p50']:.1f} ms, goal {wanted:g} ms"
    kept = report["writes"] / report["writes_on_empty"]
    if kept < WRITES_KEPT:
        yield f"Goal missed: writes on this ledger are {kept:.0%} of those on an empty one, goal {WRITES_KEPT:.0%}"
