"""Ten times the load that each server can serve: what is served, what is refused, latency, memory."""

from typing import Any, Literal

from bench.context import AnyServer, Bench
from bench.filled import filled
from bench.load import run as run_load
from bench.options import DATABASES
from bench.overload import CAPACITY_CONNECTIONS, CAPACITY_SECONDS, TIMES, WORKS, capacity, measure, obey
from bench.report import Row, Section
from bench.servers import Server

REQUESTS_OF_A_CLIENT = 3
OBEDIENT_SECONDS = 10
"""There are as many obedient clients as the server serves requests in this time: twice what Interlock lets wait."""

# label, unit, which way is better, path in the report
MEASURES: list[tuple[str, str, Literal["more", "less", "equal"], tuple[str, ...]]] = [
    ("capacity", "1/s", "more", ("capacity",)),
    ("sent", "1/s", "equal", ("sent_per_second",)),
    ("served", "1/s", "more", ("served_per_second",)),
    ("served p50", "ms", "less", ("served_ms", "p50")),
    ("served p99", "ms", "less", ("served_ms", "p99")),
    ("refused (503)", "1/s", "equal", ("refused_per_second",)),
    ("failed or unanswered", "", "less", ("failed_total",)),
    ("/health p99", "ms", "less", ("probes_ms", "/health", "p99")),
    ("/ready p99", "ms", "less", ("probes_ms", "/ready", "p99")),
    ("memory at the start", "MiB", "less", ("memory_first",)),
    ("memory, most", "MiB", "less", ("memory_most",)),
    ("memory at the end", "MiB", "less", ("memory_last",)),
    ("obedient clients that got through", "%", "more", ("through_percent",)),
    ("seconds until the last of them was", "s", "less", ("obey", "seconds")),
]


def run(bench: Bench, database: str) -> Section:
    """On a demo."""
    options = bench.options
    reports: dict[str, dict[str, dict[str, Any]]] = {}
    for launch in bench.launches:
        with bench.server(launch, filled(bench, launch, database, options.stored_runs).storage) as server:
            reports[launch.name] = {kind: _report(bench, server, kind) for kind in WORKS}
    names = tuple(reports)
    title = f"Ten times the load on {DATABASES[database]} with {options.stored_runs:,} task runs"
    section = Section(title, bench.command("overload", database), names, raw=reports)
    section.rows = [
        Row(f"{kind}: {label}", unit, tuple(_dig(reports[name][kind], path) for name in names), better)
        for kind in WORKS
        for label, unit, better, path in MEASURES
    ]
    section.notes = [
        f"Capacity: answers a second over {CAPACITY_CONNECTIONS} connections that wait for their answers. Then {TIMES} "
        f"times as many requests a second for {options.overload_seconds:g} s over {options.overload_connections:,} "
        f"connections, each with one request under way at most: one that finds none free is not sent.",
        f"Obedient clients: as many at once as the server serves requests in {OBEDIENT_SECONDS} s, but no more than "
        f"there are connections; each with {REQUESTS_OF_A_CLIENT} requests, which come again when Retry-After tells "
        f"them to, and give up after 6 times, as the published client does.",
    ]
    return section


def _report(bench: Bench, server: AnyServer, kind: str) -> dict[str, Any]:
    options = bench.options
    connections, seconds = options.overload_connections, options.overload_seconds
    can = run_load(capacity(server.target, kind, min(CAPACITY_SECONDS, seconds)))
    processes = server.processes() if isinstance(server, Server) else None
    report = run_load(measure(server.target, kind, TIMES * can, connections, seconds, processes))
    clients = max(1, min(connections, round(OBEDIENT_SECONDS * can)))
    obedient = run_load(obey(server.target, kind, clients, REQUESTS_OF_A_CLIENT))
    memory = report["memory_mib"] or [None]
    return report | {
        "capacity": can,
        "failed_total": sum(report["failed"].values()) + sum(report["probes_failed"].values()),
        "memory_first": memory[0],
        "memory_most": max(memory),
        "memory_last": memory[-1],
        "obey": obedient,
        "through_percent": obedient["through"] / obedient["clients"] * 100,
    }


def _dig(report: dict[str, Any], path: tuple[str, ...]) -> float | None:
    found: Any = report
    for key in path:
        found = None if found is None else found.get(key)
    return None if found is None else float(found)
