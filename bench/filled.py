"""Databases that hold the data set: made at their first use, kept for the next run where `--databases` says so."""

import json
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.context import Bench
from bench.fill import fill_peer_database, fill_through_api
from bench.load import run as run_load
from bench.servers import Launch


@dataclass(frozen=True, slots=True)
class Filled:
    """A filled database: its folder, the time its runs end at, and what filling took.

    `resident_mib` is the memory of the process that took all runs through the API, None for the peer's.
    """

    storage: Path
    base: datetime
    runs: int
    fill_seconds: float
    resident_mib: float | None


def filled(bench: Bench, launch: Launch) -> Filled:
    """The server's filled database; its server is not running."""
    parent = bench.options.databases or bench.folder
    storage = parent.resolve() / f"{launch.name.lower()}-{bench.options.stored_runs}-runs"
    facts = storage / "filled.json"
    if not facts.exists():
        facts_text = json.dumps(asdict(_fill(bench, launch, storage)), default=str)
        facts.write_text(facts_text)
    stored = json.loads(facts.read_text())
    return Filled(**stored | {"storage": storage, "base": datetime.fromisoformat(stored["base"])})


def _fill(bench: Bench, launch: Launch, storage: Path) -> Filled:
    base = datetime.now(UTC)
    runs = bench.options.stored_runs
    with bench.server(launch, storage) as server:
        started = time.perf_counter()
        if launch.name != "peer":
            run_load(fill_through_api(server.target, runs, base))
        processes = server.processes()
        resident = processes.resident_mib()[0] if processes and launch.name != "peer" else None
    if launch.name == "peer":
        fill_peer_database(storage / "prefect.db", runs, base)
    return Filled(storage, base, runs, time.perf_counter() - started, resident)
