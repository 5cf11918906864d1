"""Several Interlock servers on one PostgreSQL, as workers of one process or as processes of their own."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from bench.context import Bench
from bench.load import measure
from bench.load import run as run_load
from bench.report import Section
from bench.servers import Server, Storage, interlock
from bench.write_figures import notes, rows

CONNECTIONS = (50, 200)
"""In all: the fewer a server has, the smaller are its batches, and the more does a write cost."""

FLEETS = {"1 server": (1, 1), "2 workers": (1, 2), "4 workers": (1, 4), "2 servers": (2, 1), "4 servers": (4, 1)}
"""By name: the number of servers, and of the workers of each."""


def run(bench: Bench) -> Section:
    """A column a fleet, each on a fresh database; medians of the rounds."""
    reports: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for _ in range(bench.options.rounds):
        for name, (servers, workers) in FLEETS.items():
            for connections, report in _measure(bench, servers, workers):
                reports.setdefault((name, connections), []).append(report)
    section = Section("Servers on one PostgreSQL", bench.command("fleet"), tuple(FLEETS))
    section.raw = {f"{name} {connections}": rounds for (name, connections), rounds in reports.items()}
    section.rows = [row for connections in CONNECTIONS for row in rows(tuple(FLEETS), connections, reports)]
    section.notes = [
        *notes(bench.options, reports),
        "The connections are spread evenly over the servers. All servers and PostgreSQL share the cores that the load "
        "leaves: the CPU a write is what to look at.",
    ]
    return section


def _measure(bench: Bench, servers: int, workers: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """The load's report for each number of connections."""
    options = bench.options
    with (
        bench.storage("postgresql", f"fleet-{servers}-{workers}") as storage,
        _fleet(bench, storage, servers, workers) as fleet,
    ):
        watched = bench.watched(storage, *fleet)
        targets = [server.target for server in fleet]
        for connections in CONNECTIONS:
            report = run_load(measure(targets, connections, options.seconds, options.warm_up, watched))
            yield connections, report | {"memory_mib": watched["server"].resident_mib()[1]}


@contextmanager
def _fleet(bench: Bench, storage: Storage, servers: int, workers: int) -> Iterator[list[Server]]:
    """Running servers on one storage."""
    launch = interlock(bench.options.interlock, workers)
    with ExitStack() as stack:
        yield [stack.enter_context(Server(launch, storage, bench.cores.server)) for _ in range(servers)]
