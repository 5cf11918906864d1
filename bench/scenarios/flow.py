"""A real flow of the published 2.20.25 client: the wall time it takes and the CPU time it costs the server."""

import json
import subprocess
from functools import partial
from pathlib import Path

from bench.bodies import encode
from bench.context import AnyServer, Bench
from bench.http_client import HttpError, Target, connected
from bench.load import count_completed, exchange
from bench.load import run as run_load
from bench.machine import pin
from bench.report import Row, Section, median
from bench.servers import PEER, clean_environment

SCRIPT = Path(__file__).resolve().parent.parent / "flows" / "mapped.py"
TIMEOUT_SECONDS = 600


def run(bench: Bench) -> Section:
    """Rounds of (peer, Interlock), each on a fresh database; medians."""
    names = tuple(launch.name for launch in bench.launches)
    wall: dict[str, list[float]] = {name: [] for name in names}
    cpu: dict[str, list[float | None]] = {name: [] for name in names}
    for round_number in range(bench.options.rounds):
        for launch in bench.launches:
            folder = bench.folder / f"flow-{launch.name}-{round_number}"
            with bench.server(launch, folder) as server:
                seconds, cpu_seconds = _run_flow(bench, server, folder / "client")
            wall[launch.name].append(seconds)
            cpu[launch.name].append(cpu_seconds)
    title = f"A 2.20.25 flow of {bench.options.mapped_tasks} mapped tasks"
    section = Section(title, bench.command("flow"), names, raw={"wall_seconds": wall, "server_cpu_seconds": cpu})
    section.rows = [
        Row("wall time of the flow", "s", tuple(median(wall[name]) for name in names), "less"),
        Row("server CPU time", "s", tuple(median(cpu[name]) for name in names), "less"),
    ]
    section.notes.append("The client's own work is part of the wall time; it has a core to itself.")
    return section


def _run_flow(bench: Bench, server: AnyServer, client_home: Path) -> tuple[float, float | None]:
    """Wall seconds of the flow, and CPU seconds of the server while the client ran."""
    tasks = bench.options.mapped_tasks
    processes = server.processes()
    before = processes.cpu_seconds() if processes else 0.0
    client = subprocess.run(
        [str(PEER / "python"), str(SCRIPT), str(tasks)],
        env=clean_environment() | {"PREFECT_API_URL": server.target.url, "PREFECT_HOME": str(client_home)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        preexec_fn=partial(pin, bench.cores.load),
    )
    cpu_seconds = processes.cpu_seconds() - before if processes else None
    if client.returncode != 0:
        raise RuntimeError(f"the flow failed:\n{client.stdout[-1000:]}{client.stderr[-3000:]}")
    run_load(_check_completed(server.target, tasks))
    return float(json.loads(client.stdout.splitlines()[-1])["seconds"]), cpu_seconds


async def _check_completed(target: Target, expected: int) -> None:
    """Raises HttpError unless the newest flow run has that many COMPLETED task runs."""
    body = {"sort": "START_TIME_DESC", "limit": 1, "flows": {"name": {"any_": ["mapped"]}}}
    async with connected(target) as connection:
        newest = await exchange(connection, target.post("/flow_runs/filter", encode(body)))
        stored = await count_completed(connection, target, newest[0]["id"])
    if stored != expected:
        raise HttpError(f"{expected} tasks ran, the server has {stored} as COMPLETED")
