"""Filling databases of both servers with deployments and runs that wait, by SQL. Their servers must not be running."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert

from bench.deployed import FLOW_ID, POOL, POOL_ID, Deployments, made_id, queue_name
from bench.fill_peer import STATE_COLUMNS, Database, PostgresDatabase, SqliteFile
from bench.servers import Storage
from interlock.cli.common import load_settings
from interlock.orchestration.runs import FlowRun
from interlock.orchestration.states import State, StateDetails, StateType
from interlock.server import create_store, utc_now
from interlock.storage import rows, sums
from interlock.storage.prepared import BulkInsert
from interlock.storage.queries import database as databases
from interlock.storage.tables import (
    deployment_schedules,
    deployments,
    flow_run_states,
    flow_runs,
    flows,
    work_pools,
    work_queues,
)

BATCH = 1_000
"""So many deployments, with their runs, are written at once."""

_FLOW_RUNS = BulkInsert(flow_runs, rows.FLOW_RUN_VALUES)
_STATES = BulkInsert(flow_run_states, (*rows.STATE_COLUMNS, "flow_run_id"))


def fill_interlock(storage: Storage, wanted: Deployments) -> None:
    """Store them in Interlock's database."""
    asyncio.run(_fill(storage, wanted))


async def _fill(storage: Storage, wanted: Deployments) -> None:
    store = create_store(load_settings(database_url=storage.interlock_url))
    await store.start()
    await store.administer(lambda conn: _fill_pool(conn, wanted))
    for first in range(0, wanted.count, BATCH):
        part = range(first, min(first + BATCH, wanted.count))
        await store.administer(lambda conn, part=part: _fill_part(conn, wanted, part))  # type: ignore[misc]
    await store.administer(sums.rebuild)
    await store.administer(databases.gather_statistics)
    await store.close()


def _times(wanted: Deployments) -> dict[str, datetime]:
    return {"created": wanted.base, "updated": wanted.base}


def _fill_pool(conn: Connection, wanted: Deployments) -> None:
    times = _times(wanted)
    conn.execute(insert(flows), {"id": FLOW_ID, "name": "bench", "tags": [], "labels": {}, **times})
    pool = {"id": POOL_ID, "name": POOL, "type": "process", "base_job_template": {}, "is_paused": False}
    pool |= {"status": "READY", "default_queue_id": wanted.queue_ids()[0], "storage_configuration": {}}
    conn.execute(insert(work_pools), pool | times)
    queues = [
        {"id": queue_id, "name": queue_name(n), "description": "", "is_paused": False, "priority": n + 1}
        | {"status": "READY", "work_pool_id": POOL_ID, **times}
        for n, queue_id in enumerate(wanted.queue_ids())
    ]
    conn.execute(insert(work_queues), queues)


def _fill_part(conn: Connection, wanted: Deployments, part: range) -> None:
    ids, queues, now = wanted.ids(), wanted.queue_ids(), utc_now()
    common = {
        "flow_id": FLOW_ID,
        "is_schedule_active": True,
        "paused": False,
        "infra_overrides": {},
        "parameters": {},
        "tags": [],
        "labels": {},
        "enforce_parameter_schema": False,
        "status": "READY",
        **_times(wanted),
    }
    made = [
        {"id": ids[n], "name": f"deployment-{n}", **common}
        | {"work_queue_id": queues[wanted.queue_of(n)], "work_queue_name": queue_name(wanted.queue_of(n))}
        for n in part
    ]
    conn.execute(insert(deployments), made)
    schedules = [
        {"id": made_id(5, n), "deployment_id": ids[n], "schedule": wanted.schedule(n), "catchup": False}
        | {"active": not wanted.runs_each, "parameters": {}, "due": None if wanted.runs_each else now, **_times(wanted)}
        for n in part
    ]
    conn.execute(insert(deployment_schedules), schedules)
    runs = [x for n in part for x in _runs(wanted, n)]
    if runs:
        _FLOW_RUNS.write(conn, [rows.flow_run_values(x) for x in runs])
        _STATES.write(conn, [rows.state_values(x.state) | {"flow_run_id": x.id} for x in runs if x.state is not None])


def _runs(wanted: Deployments, number: int) -> Iterator[FlowRun]:
    queue = wanted.queue_of(number)
    for run_id, state_id, due in wanted.runs(number):
        details = StateDetails(flow_run_id=run_id, scheduled_time=due)
        state = State(id=state_id, type=StateType.SCHEDULED, name="Scheduled", timestamp=wanted.base, details=details)
        yield FlowRun(
            id=run_id,
            created=wanted.base,
            updated=wanted.base,
            name=f"run-{run_id[-6:]}",
            flow_id=FLOW_ID,
            deployment_id=wanted.deployment_id(number),
            work_queue_id=wanted.queue_ids()[queue],
            work_queue_name=queue_name(queue),
            expected_start_time=due,
            next_scheduled_start_time=due,
            state=state,
        )


RUN_COLUMNS = (
    "id, created, updated, name, state_type, state_name, state_id, state_timestamp, run_count, expected_start_time, "
    "next_scheduled_start_time, flow_id, deployment_id, work_queue_id, work_queue_name, auto_scheduled, total_run_time"
)


def fill_peer(storage: Storage, wanted: Deployments) -> None:
    """Store them in the peer's database."""
    url = storage.postgresql
    with closing(SqliteFile(storage.folder / "prefect.db") if url is None else PostgresDatabase(url)) as database:
        _fill_peers_pool(database, wanted)
        for first in range(0, wanted.count, BATCH):
            _fill_peers_part(database, wanted, range(first, min(first + BATCH, wanted.count)))
            database.commit()


def _fill_peers_pool(database: Database, wanted: Deployments) -> None:
    queue_ids = wanted.queue_ids()
    database.insert("flow", "id, name", [(FLOW_ID, "bench")])
    pool = (POOL_ID, POOL, "process", queue_ids[0], "READY")
    database.insert("work_pool", "id, name, type, default_queue_id, status", [pool])
    queues = [(queue_id, queue_name(n), n + 1, POOL_ID, "READY") for n, queue_id in enumerate(queue_ids)]
    database.insert("work_queue", "id, name, priority, work_pool_id, status", queues)


def _fill_peers_part(database: Database, wanted: Deployments, part: range) -> None:
    time, ids, queues, base = database.time, wanted.ids(), wanted.queue_ids(), database.time(wanted.base)
    made = [
        (ids[n], f"deployment-{n}", FLOW_ID, queues[wanted.queue_of(n)], queue_name(wanted.queue_of(n)), "READY")
        for n in part
    ]
    database.insert("deployment", "id, name, flow_id, work_queue_id, work_queue_name, status", made)
    schedules = [(made_id(5, n), ids[n], json.dumps(wanted.schedule(n)), not wanted.runs_each) for n in part]
    database.insert("deployment_schedule", "id, deployment_id, schedule, active", schedules)
    runs, states = [], []
    for n in part:
        for run_id, state_id, due in wanted.runs(n):
            queue = wanted.queue_of(n)
            kept = (run_id, base, base, f"run-{run_id[-6:]}", "SCHEDULED", "Scheduled", state_id, base, 0, time(due))
            runs.append(
                (
                    *kept,
                    time(due),
                    FLOW_ID,
                    ids[n],
                    queues[queue],
                    queue_name(queue),
                    False,
                    database.duration(timedelta()),
                )
            )
            details = json.dumps({"scheduled_time": due.isoformat(), "flow_run_id": run_id})
            states.append((state_id, base, base, "SCHEDULED", base, "Scheduled", None, details, run_id))
    if runs:
        database.insert("flow_run", RUN_COLUMNS, runs)
        database.insert("flow_run_state", f"{STATE_COLUMNS}, flow_run_id", states)
