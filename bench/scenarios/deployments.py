"""Deployments: how quickly those are answered that poll, what polling costs the writes, and the scheduler's passes."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from bench.context import Bench
from bench.deployed import Deployments
from bench.fill_deployments import fill_interlock, fill_peer
from bench.load import measure, measure_while
from bench.load import run as run_load
from bench.options import DATABASES
from bench.polling import POLL_SECONDS, WORKERS, measure_polls
from bench.report import Row, Section
from bench.servers import PEER, ROOT, Launch, Storage, clean_environment

WRITERS = 50
RUNS_EACH = 10
KINDS = {"hourly": "hourly intervals", "mixed": "intervals, cron lines and rules"}
"""What the scheduler passes over."""
Report = dict[str, Any]


def run(bench: Bench, database: str) -> Section:
    """A table of all measures."""
    reports = {launch.name: _report(bench, launch, database) for launch in bench.launches}
    count = bench.options.deployments
    title = f"{count:,} deployments with {count * RUNS_EACH:,} runs that wait, on {DATABASES[database]}"
    section = Section(title, bench.command("deployments", database), tuple(reports), raw=reports)
    section.rows = list(_rows(reports))
    section.notes = [
        f"Polls ask for what is due in the first minute; {WORKERS} workers poll every {POLL_SECONDS:g} s, as they do.",
        f"A pass makes the first runs of {count:,} schedules, three each; the idle one has nothing to do.",
        *_doubts(reports),
    ]
    return section


def _rows(reports: Mapping[str, Report]) -> Iterator[Row]:
    for label in next(iter(reports.values()))["polls"]:
        for share in ("p50", "p99"):
            yield Row(f"{label}: {share}", "ms", tuple(x["polls"][label].get(share) for x in reports.values()), "less")
    beside = f"{WORKERS} workers beside {WRITERS} connections that write"
    for share in ("p50", "p99"):
        values = tuple((x["polling"]["latency_ms"] or {}).get(share) for x in reports.values())
        yield Row(f"poll of one of {beside}: {share}", "ms", values, "less")
    for key, label in (("writes", "without workers"), ("writes_beside", f"beside {WORKERS} workers")):
        yield Row(f"writes of {WRITERS} connections {label}", "1/s", tuple(x[key] for x in reports.values()), "more")
    for kind, schedules in KINDS.items():
        for number, label in enumerate(("first", "idle")):
            values = tuple(x["passes"][kind][number] for x in reports.values())
            yield Row(f"the scheduler's {label} pass over {schedules}", "s", values, "less")


def _doubts(reports: Mapping[str, Report]) -> Iterator[str]:
    for label in next(iter(reports.values()))["polls"]:
        offered = [x["polls"][label]["runs"] for x in reports.values()]
        if len(set(offered)) > 1:
            yield f"The answers differ for {label!r}: {offered} runs"
    for name, report in reports.items():
        if report["polling"]["failed"]:
            yield f"{name}: {report['polling']['failed']} requests of workers failed"


def _report(bench: Bench, launch: Launch, database: str) -> Report:
    count, base = bench.options.deployments, datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=10)
    with bench.storage(database, f"deployments-{launch.name}") as storage:
        wanted = Deployments(base, count, RUNS_EACH)
        _fill(bench, launch, storage, wanted)
        report = _polls(bench, launch, storage, wanted)
    report["passes"] = {}
    for kind in KINDS:
        with bench.storage(database, f"schedules-{kind}-{launch.name}") as storage:
            _fill(bench, launch, storage, Deployments(base, count, 0, mixed=kind == "mixed"))
            report["passes"][kind] = _passes(launch, storage)
    return report


def _polls(bench: Bench, launch: Launch, storage: Storage, wanted: Deployments) -> Report:
    options = bench.options
    with bench.server(launch, storage) as server:
        polls = run_load(measure_polls(server.target, wanted, options.repeats))
        before = run_load(measure([server.target], WRITERS, options.seconds, options.warm_up, {}))
        polling = partial(_poll_in_another_process, server.target.url, wanted)
        rate, polled = run_load(measure_while(server.target, WRITERS, options.warm_up, polling))
    return {"polls": polls, "writes": before["writes_per_second"], "writes_beside": rate, "polling": polled}


async def _poll_in_another_process(url: str, wanted: Deployments) -> Report:
    """Were polls sent from the load's own process, they would wait for their turn in it."""
    command = (sys.executable, "-m", "bench.polling", url, wanted.base.isoformat(), str(wanted.count))
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    report: Report = json.loads(output)
    return report


def _fill(bench: Bench, launch: Launch, storage: Storage, wanted: Deployments) -> None:
    with bench.server(launch, storage):
        pass  # which makes its tables
    (fill_peer if launch.name == "peer" else fill_interlock)(storage, wanted)
    if storage.postgresql is not None:
        bench.postgres.settle(storage.postgresql)


def _passes(launch: Launch, storage: Storage) -> list[float]:
    """The seconds of a pass that makes runs, and of one that has nothing to do."""
    command = [str(PEER / "python"), str(ROOT / "bench" / "flows" / "scheduler_pass.py")]
    if launch.name != "peer":
        command = [sys.executable, "-m", "bench.scheduler_pass", storage.interlock_url]
    environment = clean_environment() | launch.environment(storage)
    output = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    seconds: list[float] = json.loads(output.splitlines()[-1])
    return seconds
