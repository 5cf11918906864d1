"""State writes a second: task runs created and taken to RUNNING and COMPLETED, at several numbers of connections."""

from typing import Any

from bench.context import Bench
from bench.load import measure
from bench.load import run as run_load
from bench.options import DATABASES
from bench.report import Section
from bench.write_figures import notes, rows


def run(bench: Bench, database: str) -> Section:
    """Rounds of (peer, Interlock), each on a fresh database; the table shows the medians of the rounds."""
    options = bench.options
    reports: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for round_number in range(options.rounds):
        for launch in bench.launches:
            name = f"writes-{launch.name}-{round_number}"
            with bench.storage(database, name) as storage, bench.server(launch, storage) as server:
                watched = bench.watched(storage, server)
                for connections in options.connections:
                    work = measure([server.target], connections, options.seconds, options.warm_up, watched)
                    reports.setdefault((launch.name, connections), []).append(run_load(work))
    names = tuple(launch.name for launch in bench.launches)
    title = f"Writes on {DATABASES[database]}: create, RUNNING, COMPLETED"
    section = Section(title, bench.command("writes", database), names)
    section.raw = {f"{name} {connections}": rounds for (name, connections), rounds in reports.items()}
    section.rows = [row for connections in options.connections for row in rows(names, connections, reports)]
    section.notes = notes(options, reports)
    return section
