"""A real flow of a published client: the wall time it takes, the CPU time it costs the server, and how soon after its
end the server shows all of its task runs."""

import asyncio
import json
import subprocess
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from bench.bodies import encode
from bench.context import Bench
from bench.http_client import Connection, HttpError, Target, connected
from bench.load import count_completed, exchange
from bench.load import run as run_load
from bench.machine import pin
from bench.options import DATABASES
from bench.report import Row, Section, median
from bench.servers import PEER, PEER_3, Launch, Storage, clean_environment, of_line_3

SCRIPT = Path(__file__).resolve().parent.parent / "flows" / "mapped.py"
TIMEOUT_SECONDS = 600
POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one flow, in seconds; CPU times are of the server and its PostgreSQL until it showed all task runs."""

    wall: float
    server_cpu: float | None
    database_cpu: float | None
    shown: float


def run(bench: Bench, database: str) -> Section:
    """A flow of the 2.x line."""
    return _section(bench, database, "flow", "2.20.25", PEER, bench.launches)


def run_line_3(bench: Bench, database: str) -> Section:
    """A flow of the 3.x line, whose tasks tell of their states by events."""
    return _section(bench, database, "flow3", "3.9.1", PEER_3, tuple(map(of_line_3, bench.launches)))


def _section(
    bench: Bench, database: str, scenario: str, version: str, programs: Path, launches: tuple[Launch, ...]
) -> Section:
    """Rounds of (peer, Interlock), each on a fresh database; medians."""
    names = tuple(launch.name for launch in launches)
    found: dict[str, list[Figures]] = {name: [] for name in names}
    for round_number in range(bench.options.rounds):
        for launch in launches:
            with bench.storage(database, f"{scenario}-{launch.name}-{round_number}") as storage:
                found[launch.name].append(_measure(bench, launch, storage, programs))
    title = f"A {version} flow of {bench.options.mapped_tasks} mapped tasks on {DATABASES[database]}"
    section = Section(title, bench.command(scenario, database), names)
    section.raw = {name: [asdict(figures) for figures in rounds] for name, rounds in found.items()}
    for label, field in MEASURES[: 3 if database == "sqlite" else 4]:
        values = tuple(median(getattr(figures, field) for figures in found[name]) for name in names)
        section.rows.append(Row(label, "s", values, "less"))
    section.notes.append("The client's own work is part of the wall time; it has a core to itself.")
    return section


MEASURES = (
    ("wall time of the flow", "wall"),
    ("its end until all task runs are shown COMPLETED", "shown"),
    ("server CPU time", "server_cpu"),
    ("PostgreSQL's CPU time", "database_cpu"),
)


def _measure(bench: Bench, launch: Launch, storage: Storage, programs: Path) -> Figures:
    with bench.server(launch, storage) as server:
        watched = bench.watched(storage, server)
        before = {name: processes.cpu_seconds() for name, processes in watched.items()}
        wall, ended = _run_flow(bench, server.target, storage.folder / "client", programs)
        shown = run_load(_until_shown(server.target, bench.options.mapped_tasks)) - ended
        used = {name: processes.cpu_seconds() - before[name] for name, processes in watched.items()}
    return Figures(wall, used.get("server"), used.get("database"), max(shown, 0.0))


def _run_flow(bench: Bench, target: Target, client_home: Path, programs: Path) -> tuple[float, float]:
    """Wall seconds of the flow, and when it ended."""
    client = subprocess.run(
        [str(programs / "python"), str(SCRIPT), str(bench.options.mapped_tasks)],
        env=clean_environment() | {"PREFECT_API_URL": target.url, "PREFECT_HOME": str(client_home)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        preexec_fn=partial(pin, bench.cores.load),
    )
    if client.returncode != 0:
        raise RuntimeError(f"the flow failed:\n{client.stdout[-1000:]}{client.stderr[-3000:]}")
    printed = json.loads(client.stdout.splitlines()[-1])
    return float(printed["seconds"]), float(printed["ended"])


async def _until_shown(target: Target, expected: int) -> float:
    """The time at which the newest flow run has that many COMPLETED task runs. Raises HttpError where it never has."""
    body = {"sort": "START_TIME_DESC", "limit": 1, "flows": {"name": {"any_": ["mapped"]}}}
    async with connected(target) as connection:
        newest = await exchange(connection, target.post("/flow_runs/filter", encode(body)))
        return await _shown(connection, target, newest[0]["id"], expected)


async def _shown(connection: Connection, target: Target, flow_run_id: str, expected: int) -> float:
    stored, deadline = 0, time.time() + TIMEOUT_SECONDS
    while time.time() < deadline:
        stored = await count_completed(connection, target, flow_run_id)
        if stored == expected:
            return time.time()
        await asyncio.sleep(POLL_SECONDS)
    raise HttpError(f"{expected} tasks ran, the server has {stored} as COMPLETED")
