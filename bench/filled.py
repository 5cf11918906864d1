"""Databases that hold the data set: made at their first use; SQLite files are kept for the next run with `--filled`."""

import json
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from bench.context import Bench
from bench.fill import fill_through_api
from bench.fill_peer import fill_peer
from bench.load import run as run_load
from bench.servers import Launch, Server, Storage


@dataclass(frozen=True, slots=True)
class Filled:
    """A filled database: where it is, the time its runs end at, and what filling took.

    `resident_mib` is the memory of the process that took all runs through the API, None for the peer's.
    """

    storage: Storage
    base: datetime
    runs: int
    fill_seconds: float
    resident_mib: float | None


def filled(bench: Bench, launch: Launch, database: str) -> Filled:
    """The server's filled database; its server is not running."""
    parent = bench.options.filled if database == "sqlite" else None
    folder = (parent or bench.folder).resolve() / f"{launch.name.lower()}-{database}-{bench.options.stored_runs}-runs"
    facts = folder / "filled.json"
    if not facts.exists():
        url = None if database == "sqlite" else bench.postgres.create_database()
        facts_text = json.dumps(asdict(_fill(bench, launch, Storage(folder, url))), default=str)
        facts.write_text(facts_text)
    stored = json.loads(facts.read_text())
    storage = Storage(folder, stored["storage"]["postgresql"])
    return Filled(**stored | {"storage": storage, "base": datetime.fromisoformat(stored["base"])})


def _fill(bench: Bench, launch: Launch, storage: Storage) -> Filled:
    base = datetime.now(UTC).replace(microsecond=0)  # histories are cut at milliseconds, which must lose no run
    runs = bench.options.stored_runs
    resident = None
    with bench.server(launch, storage) as server:
        started = time.perf_counter()
        if launch.name != "peer":
            run_load(fill_through_api(server.target, runs, base))
            resident = server.processes().resident_mib()[0] if isinstance(server, Server) else None
    if launch.name == "peer":
        fill_peer(storage, runs, base)
    seconds = time.perf_counter() - started
    if storage.postgresql is not None:
        bench.postgres.settle(storage.postgresql)
    return Filled(storage, base, runs, seconds, resident)
