"""Starting and resting: time to ready, the command line's help, and resident memory with many task runs."""

import subprocess
import time
from functools import partial

from bench.context import Bench
from bench.filled import Filled, filled
from bench.load import run as run_load
from bench.load import take_runs
from bench.machine import pin
from bench.options import DATABASES
from bench.queries import measure_queries
from bench.report import Row, Section, median
from bench.servers import PEER, Launch, Server, Storage, clean_environment

STARTS = 3
HELPS = 5
WRITERS = 50
READS_BEFORE_MEMORY = 5  # of each kind


def run(bench: Bench, database: str) -> Section:
    """Medians of a few starts; memory after a round of reads."""
    launches = [launch for launch in bench.launches if bench.is_ours(launch)]
    measured = {launch.name: _measure(bench, launch, database) for launch in launches}
    title = f"Start and memory on {DATABASES[database]} ({bench.options.stored_runs:,} task runs)"
    section = Section(title, bench.command("start", database), tuple(measured), raw=measured)
    for label, unit in MEASURES:
        values = tuple(figures[label] for figures in measured.values())
        section.rows.append(Row(label, unit, values, "less"))
    section.notes.append(
        f"Ready: from the start of the process to the first 200 of /api/health, median of {STARTS}, all cores. "
        f"Memory: resident; the peer is too slow to take so many runs through its API."
    )
    return section


MEASURES = (
    ("ready, new database", "s"),
    ("ready, filled database", "s"),
    ("--help", "s"),
    ("memory of the server process after the reads", "MiB"),
    ("memory of all its processes after the reads", "MiB"),
    ("memory of the server process after taking the runs", "MiB"),
)


def _measure(bench: Bench, launch: Launch, database: str) -> dict[str, float | None]:
    data = filled(bench, launch, database, bench.options.stored_runs)
    new = [_new_seconds(bench, launch, database, n) for n in range(STARTS)]
    existing = [_ready_seconds(bench, launch, data.storage) for _ in range(STARTS)]
    server_mib, all_mib = _memory_after_reads(bench, launch, data)
    taken_mib = None if launch.name == "peer" else _memory_after_writes(bench, launch, database)
    figures = (median(new), median(existing), _help_seconds(bench, launch), server_mib, all_mib, taken_mib)
    return dict(zip((label for label, _ in MEASURES), figures, strict=True))


def _new_seconds(bench: Bench, launch: Launch, database: str, number: int) -> float:
    with bench.storage(database, f"start-{launch.name}-{number}") as storage:
        return _ready_seconds(bench, launch, storage)


def _ready_seconds(bench: Bench, launch: Launch, storage: Storage) -> float:
    with Server(launch, storage, bench.cores.all) as server:
        return server.ready_seconds


def _memory_after_reads(bench: Bench, launch: Launch, data: Filled) -> tuple[float, float]:
    with Server(launch, data.storage, bench.cores.server) as server:
        run_load(measure_queries(server.target, data.base, READS_BEFORE_MEMORY))
        return server.processes().resident_mib()


def _memory_after_writes(bench: Bench, launch: Launch, database: str) -> float:
    with (
        bench.storage(database, f"start-{launch.name}-writes") as storage,
        Server(launch, storage, bench.cores.server) as server,
    ):
        run_load(take_runs(server.target, WRITERS, bench.options.stored_runs))
        return server.processes().resident_mib()[0]


def _help_seconds(bench: Bench, launch: Launch) -> float | None:
    program = str(PEER / "prefect") if launch.name == "peer" else launch.command(0, Storage(bench.folder))[0]
    environment = clean_environment() | launch.environment(Storage(bench.folder))
    seconds = []
    for _ in range(HELPS):
        started = time.perf_counter()
        subprocess.run(
            [program, "--help"],
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
            preexec_fn=partial(pin, bench.cores.all),
        )
        seconds.append(time.perf_counter() - started)
    return median(seconds)
