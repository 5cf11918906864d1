"""Measure Interlock beside the peer (Prefect's server 2.20.25, from .peers/prefect-2.20) on this machine.

Both servers are started in turn, with their defaults, on SQLite files in a scratch folder and on a PostgreSQL that is
started for it, and driven by the same load; where the platform allows it the load has one core, and the servers and
PostgreSQL the others. Scenarios:

  writes    task runs created, set to RUNNING and to COMPLETED at 1, 10 and 50 connections: rate, p50, p99, CPU a write
  queue     background task runs delivered to 1, 10 and 100 subscribers, with none and with 1,000,000 others waiting:
            rate, time from the submission to the delivery, CPU a delivery, memory
  flow      a flow of 500 mapped tasks run by the published 2.20.25 client: wall time, the server's CPU time
  flow3     the same with the 3.9.1 client, beside the peer 3.9.1: also when the server shows all of it
  events    task runs told by events, as the 3.9.1 client does, by 1, 10 and 50 clients: rate, time until they show
  deployments
            polls with 10,000 deployments and 100,000 runs that wait, also by 200 workers beside 50 connections that
            write; the scheduler's pass over 10,000 schedules
  scale     pages, counts, histories and more with 10,000 to 1,000,000 task runs stored: p50, p99, alone and beside
            50 connections that write; what the size costs the writes and the disk
  start     time to ready, --help, resident memory with 100,000 task runs
  overload  ten times the load that can be served, 100,000 task runs stored: latency, refusals, memory
  fleet     the writes on 1, 2 and 4 Interlock servers on one PostgreSQL: the same figures, memory
  takeover  the leader of two Interlock servers is killed: seconds until the other one leads
  bare      the limits: the same HTTP stack answering the same bodies, and batched SQLite without HTTP
  drivers   the same batches on PostgreSQL by several drivers: rate, CPU a transition of both sides

"times better" is Interlock's rate over the peer's, or the peer's time (or memory) over Interlock's.
"""

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

from bench import report, servers
from bench.context import Bench
from bench.machine import describe, pin, split_cores
from bench.options import Options, parse
from bench.postgres import wheel_programs
from bench.scenarios import (
    bare,
    deployments,
    drivers,
    events,
    fleet,
    flow,
    overload,
    queue,
    scale,
    start,
    takeover,
    writes,
)

ON_EACH_DATABASE: dict[str, Callable[[Bench, str], report.Section]] = {
    "writes": writes.run,
    "queue": queue.run,
    "flow": flow.run,
    "flow3": flow.run_line_3,
    "events": events.run,
    "deployments": deployments.run,
    "start": start.run,
    "overload": overload.run,
}
FOR_EACH_SIZE: dict[str, Callable[[Bench, str, int], report.Section]] = {"scale": scale.run}
ONCE: dict[str, Callable[[Bench], report.Section]] = {
    "fleet": fleet.run,
    "takeover": takeover.run,
    "bare": bare.run,
    "drivers": drivers.run,
}
SCENARIOS = (
    "writes",
    "queue",
    "flow",
    "flow3",
    "events",
    "deployments",
    "scale",
    "start",
    "overload",
    "fleet",
    "takeover",
    "bare",
    "drivers",
)
STACK = ("uvicorn", "uvloop", "httptools", "fastapi", "pydantic", "asyncpg", "psycopg", "sqlalchemy")


def main() -> None:
    options = parse(sys.argv[1:], __doc__ or "", SCENARIOS)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers started here are ended
    cores = split_cores()
    pin(cores.load)
    facts = {"machine": describe(), "versions": _versions(options)}
    for name, values in facts.items():
        print(f"{name}: {report.facts_line(values)}\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=_scratch()) as folder, ExitStack() as stack:
        _run(options, Bench(options, cores, Path(folder), _launches(options), stack), facts)


def _run(options: Options, bench: Bench, facts: dict[str, dict[str, str]]) -> None:
    """The scenarios one after another; each table is printed and written as soon as it is there."""
    render = report.markdown if options.markdown else report.terminal
    sections = []
    for section in _sections(options, bench):
        print(render(section) + "\n", flush=True)
        sections.append(section.to_json())
        if options.json is not None:
            options.json.write_text(json.dumps({**facts, "sections": sections}, indent=1))


def _sections(options: Options, bench: Bench) -> Iterator[report.Section]:
    for name in options.only:
        if name in ONCE:
            yield ONCE[name](bench)
            continue
        for database in options.databases:
            if name in ON_EACH_DATABASE:
                yield ON_EACH_DATABASE[name](bench, database)
            else:
                yield from (FOR_EACH_SIZE[name](bench, database, size) for size in options.sizes)


def _launches(options: Options) -> tuple[servers.Launch, ...]:
    known = {"peer": servers.peer(), "Interlock": servers.interlock(options.interlock)}
    return tuple(known[name] for name in options.servers)


def _scratch() -> Path:
    """A folder of the checkout, because /tmp may be a file system in memory, where a commit costs nothing."""
    folder = servers.ROOT / ".cache"
    folder.mkdir(exist_ok=True)
    return folder


def _versions(options: Options) -> dict[str, str]:
    """What is measured and what it stands on."""
    programs = {"peer": [str(servers.PEER / "prefect"), "--version"], "Interlock": [options.interlock, "version"]}
    found = {name: _output(programs[name]) for name in options.servers if name == "peer" or not options.interlock_url}
    found["PostgreSQL"] = _output([str(wheel_programs() / "postgres"), "--version"])
    return found | {name: version(name) for name in STACK}


def _output(command: list[str]) -> str:
    """The first word with a digit in front: the version, whatever stands around it."""
    environment = servers.clean_environment()
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return next(word for word in output.split() if word[0].isdigit())


if __name__ == "__main__":
    main()
