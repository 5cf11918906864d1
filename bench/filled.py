"""Databases that hold a demo: made at their first use; SQLite files are kept for the next run with `--filled`."""

import json
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from bench.context import Bench
from bench.fill import demo, fill_interlock
from bench.fill_peer import fill_peer
from bench.servers import Launch, Storage


@dataclass(frozen=True, slots=True)
class Filled:
    """A filled database: where it is, the time its runs end at, and what filling took."""

    storage: Storage
    base: datetime
    runs: int
    fill_seconds: float
    size_bytes: int


def filled(bench: Bench, launch: Launch, database: str, runs: int) -> Filled:
    """The server's database with so many task runs; its server is not running. Of a server that someone else runs,
    nothing is known: it must hold a demo of the last 24 hours."""
    if not bench.is_ours(launch):
        return Filled(Storage(bench.folder), datetime.now(UTC), runs, 0, 0)
    parent = bench.options.filled if database == "sqlite" else None
    folder = (parent or bench.folder).resolve() / f"{launch.name.lower()}-{database}-{runs}-runs"
    facts = folder / "filled.json"
    if not facts.exists():
        url = None if database == "sqlite" else bench.postgres.create_database()
        facts_text = json.dumps(asdict(_fill(bench, launch, Storage(folder, url), runs)), default=str)
        facts.write_text(facts_text)
    stored = json.loads(facts.read_text())
    storage = Storage(folder, stored["storage"]["postgresql"])
    return Filled(**stored | {"storage": storage, "base": datetime.fromisoformat(stored["base"])})


def _fill(bench: Bench, launch: Launch, storage: Storage, runs: int) -> Filled:
    base = datetime.now(UTC).replace(microsecond=0)  # histories are cut at milliseconds, which must lose no run
    with bench.server(launch, storage):
        pass  # which makes its tables
    started = time.perf_counter()
    if launch.name == "peer":
        fill_peer(storage, demo(runs, base))
    else:
        fill_interlock(storage.interlock_url, demo(runs, base))
    seconds = time.perf_counter() - started
    if storage.postgresql is not None:
        bench.postgres.settle(storage.postgresql)
    return Filled(storage, base, runs, seconds, storage.size_bytes())
