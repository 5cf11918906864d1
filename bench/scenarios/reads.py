"""Reads from a server that holds many task runs, one connection."""

from bench.context import Bench
from bench.filled import filled
from bench.load import run as run_load
from bench.options import DATABASES
from bench.queries import measure_queries
from bench.report import Row, Section


def run(bench: Bench, database: str) -> Section:
    """p50 and p99 of each query."""
    options = bench.options
    reports = {}
    for launch in bench.launches:
        data = filled(bench, launch, database)
        with bench.server(launch, data.storage) as server:
            reports[launch.name] = run_load(measure_queries(server.target, data.base, options.repeats))
    names = tuple(reports)
    title = f"Reads on {DATABASES[database]} with {options.stored_runs:,} task runs"
    section = Section(title, bench.command("reads", database), names, raw=reports)
    for label in reports[names[0]]:
        for share in ("p50", "p99"):
            values = tuple(report[label][share] for report in reports.values())
            section.rows.append(Row(f"{label}: {share}", "ms", values, "less"))
        sizes = [report[label]["size"] for report in reports.values()]
        if len(set(sizes)) > 1:
            section.notes.append(f"The answers differ for {label!r}: {sizes}")
    section.notes.append(
        f"Each query {options.repeats} times, one connection. Interlock was filled through its API, the peer by SQL: "
        f"the same runs, three states each."
    )
    return section
