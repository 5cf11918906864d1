"""A real flow of the published 2.20.25 client: the wall time it takes and the CPU time it costs the server."""

import json
import subprocess
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from bench.bodies import encode
from bench.context import Bench
from bench.http_client import HttpError, Target, connected
from bench.load import count_completed, exchange
from bench.load import run as run_load
from bench.machine import pin
from bench.options import DATABASES
from bench.report import Row, Section, median
from bench.servers import PEER, Launch, Storage, clean_environment

SCRIPT = Path(__file__).resolve().parent.parent / "flows" / "mapped.py"
TIMEOUT_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one flow, in seconds; CPU times are of the server and its PostgreSQL while the client ran."""

    wall: float
    server_cpu: float | None
    database_cpu: float | None


def run(bench: Bench, database: str) -> Section:
    """Rounds of (peer, Interlock), each on a fresh database; medians."""
    names = tuple(launch.name for launch in bench.launches)
    found: dict[str, list[Figures]] = {name: [] for name in names}
    for round_number in range(bench.options.rounds):
        for launch in bench.launches:
            with bench.storage(database, f"flow-{launch.name}-{round_number}") as storage:
                found[launch.name].append(_measure(bench, launch, storage))
    title = f"A 2.20.25 flow of {bench.options.mapped_tasks} mapped tasks on {DATABASES[database]}"
    section = Section(title, bench.command("flow", database), names)
    section.raw = {name: [asdict(figures) for figures in rounds] for name, rounds in found.items()}
    for label, field in MEASURES[: 2 if database == "sqlite" else 3]:
        values = tuple(median(getattr(figures, field) for figures in found[name]) for name in names)
        section.rows.append(Row(label, "s", values, "less"))
    section.notes.append("The client's own work is part of the wall time; it has a core to itself.")
    return section


MEASURES = (
    ("wall time of the flow", "wall"),
    ("server CPU time", "server_cpu"),
    ("PostgreSQL's CPU time", "database_cpu"),
)


def _measure(bench: Bench, launch: Launch, storage: Storage) -> Figures:
    with bench.server(launch, storage) as server:
        watched = bench.watched(storage, server)
        before = {name: processes.cpu_seconds() for name, processes in watched.items()}
        wall = _run_flow(bench, server.target, storage.folder / "client")
        used = {name: processes.cpu_seconds() - before[name] for name, processes in watched.items()}
        run_load(_check_completed(server.target, bench.options.mapped_tasks))
    return Figures(wall, used.get("server"), used.get("database"))


def _run_flow(bench: Bench, target: Target, client_home: Path) -> float:
    """Wall seconds of the flow."""
    client = subprocess.run(
        [str(PEER / "python"), str(SCRIPT), str(bench.options.mapped_tasks)],
        env=clean_environment() | {"PREFECT_API_URL": target.url, "PREFECT_HOME": str(client_home)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        preexec_fn=partial(pin, bench.cores.load),
    )
    if client.returncode != 0:
        raise RuntimeError(f"the flow failed:\n{client.stdout[-1000:]}{client.stderr[-3000:]}")
    return float(json.loads(client.stdout.splitlines()[-1])["seconds"])


async def _check_completed(target: Target, expected: int) -> None:
    """Raises HttpError unless the newest flow run has that many COMPLETED task runs."""
    body = {"sort": "START_TIME_DESC", "limit": 1, "flows": {"name": {"any_": ["mapped"]}}}
    async with connected(target) as connection:
        newest = await exchange(connection, target.post("/flow_runs/filter", encode(body)))
        stored = await count_completed(connection, target, newest[0]["id"])
    if stored != expected:
        raise HttpError(f"{expected} tasks ran, the server has {stored} as COMPLETED")
