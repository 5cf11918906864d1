"""Filling a server with the data set: through its API, or, for the peer, straight into its SQLite file.

The peer takes some 45 writes a second through its API, so 100,000 runs with three states each would take two hours.
"""

import json
import sqlite3
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench import bodies, dataset
from bench.dataset import StoredRun
from bench.http_client import Connection, Target, connected
from bench.load import Load, exchange

FILL_CONNECTIONS = 50
TASK_RUN_COLUMNS = (
    "id, created, updated, name, state_type, run_count, expected_start_time, start_time, end_time, total_run_time, "
    "task_key, dynamic_key, empirical_policy, task_inputs, tags, flow_run_id, state_id, state_name, state_timestamp, "
    "flow_run_run_count"
)
STATE_COLUMNS = "id, created, updated, type, timestamp, name, state_details, data"


class DatasetRequests:
    """The requests that store the data set's runs through the API."""

    def __init__(self, target: Target, runs: list[StoredRun], flow_run_ids: list[str]) -> None:
        self._target = target
        self._runs = runs
        self._flow_run_ids = flow_run_ids
        self._set_state = {kind: bodies.set_state_parts(target, kind) for kind in ("RUNNING", *dataset.FINAL_STATES)}

    def create(self, number: int) -> bytes:
        """Create the run, SCHEDULED at its time."""
        run = self._runs[number]
        initial = bodies.state("SCHEDULED", {"scheduled_time": run.scheduled_time.isoformat()})
        body = bodies.task_run(self._flow_run_ids[run.flow_run], str(number), list(run.tags), initial)
        body |= {"name": run.name, "task_key": run.task}
        return self._target.post("/task_runs/", bodies.encode(body))

    def transitions(self, number: int, task_run_id: bytes) -> tuple[tuple[str, bytes], ...]:
        """To RUNNING and to the final state."""
        kinds = ("RUNNING", self._runs[number].final_state)
        return tuple((kind, task_run_id.join(self._set_state[kind])) for kind in kinds)


async def fill_through_api(target: Target, count: int, base: datetime) -> None:
    """Store the data set through the API. Raises RuntimeError if a request failed."""
    async with connected(target) as connection:
        flow_ids = [await _create_flow(connection, target, n) for n in range(dataset.FLOWS)]
        flow_run_ids = [await _start_flow_run(connection, target, flow_ids, n) for n in range(dataset.FLOW_RUNS)]
    runs = list(dataset.stored_runs(count, base))
    load = Load(target, DatasetRequests(target, runs, flow_run_ids), FILL_CONNECTIONS, count)
    await load.run()
    if load.failures:
        raise RuntimeError(f"filling failed: {dict(load.failures)}")


async def _create_flow(connection: Connection, target: Target, number: int) -> str:
    flow = await exchange(connection, target.post("/flows/", bodies.encode({"name": dataset.flow_name(number)})))
    return str(flow["id"])


async def _start_flow_run(connection: Connection, target: Target, flow_ids: list[str], number: int) -> str:
    body = bodies.flow_run(flow_ids[number % dataset.FLOWS], dataset.flow_run_name(number))
    flow_run = await exchange(connection, target.post("/flow_runs/", bodies.encode(body)))
    running = bodies.encode({"state": bodies.state("RUNNING"), "force": False})
    await exchange(connection, target.post(f"/flow_runs/{flow_run['id']}/set_state", running))
    return str(flow_run["id"])


def fill_peer_database(database: Path, count: int, base: datetime) -> None:
    """Store the data set in a migrated database of the peer, whose server must not be running."""
    connection = sqlite3.connect(database)
    with connection:
        flow_run_ids = _insert_flow_runs(connection, base)
        for run in dataset.stored_runs(count, base):
            _insert_task_run(connection, run, flow_run_ids[run.flow_run])
    connection.close()


def _insert_flow_runs(connection: sqlite3.Connection, base: datetime) -> list[str]:
    flow_ids = [str(uuid.uuid4()) for _ in range(dataset.FLOWS)]
    flows = [(flow_id, dataset.flow_name(n)) for n, flow_id in enumerate(flow_ids)]
    connection.executemany("INSERT INTO flow (id, name) VALUES (?, ?)", flows)
    flow_run_ids = [str(uuid.uuid4()) for _ in range(dataset.FLOW_RUNS)]
    for number, flow_run_id in enumerate(flow_run_ids):
        at = base - dataset.DAY + dataset.DAY * (number / dataset.FLOW_RUNS)
        state_ids = _insert_states(connection, "flow_run", flow_run_id, [("PENDING", at), ("RUNNING", at + _STEP)])
        connection.execute(
            "INSERT INTO flow_run (id, name, state_type, state_name, state_id, state_timestamp, run_count,"
            " expected_start_time, start_time, total_run_time, flow_id)"
            " VALUES (?, ?, 'RUNNING', 'Running', ?, ?, 1, ?, ?, ?, ?)",
            (
                *(flow_run_id, dataset.flow_run_name(number), state_ids[-1]),
                *(_text(at + _STEP), _text(at), _text(at + _STEP), _text(_EPOCH)),
                flow_ids[number % dataset.FLOWS],
            ),
        )
    return flow_run_ids


_STEP = timedelta(milliseconds=20)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # the peer stores durations as points of time after it


def _insert_task_run(connection: sqlite3.Connection, run: StoredRun, flow_run_id: str) -> None:
    run_id = str(uuid.uuid4())
    started = run.scheduled_time + _STEP
    ended = started + timedelta(seconds=run.seconds)
    states = [("SCHEDULED", run.scheduled_time), ("RUNNING", started), (run.final_state, ended)]
    state_id = _insert_states(connection, "task_run", run_id, states)[-1]
    policy = bodies.task_run(flow_run_id, "")["empirical_policy"]
    values = (
        *(run_id, _text(run.scheduled_time), _text(ended), run.name, run.final_state, 1),
        *(_text(run.scheduled_time), _text(started), _text(ended), _text(_EPOCH + (ended - started))),
        *(run.task, str(run.number), json.dumps(policy), json.dumps({"x": []}), json.dumps(run.tags), flow_run_id),
        *(state_id, run.final_state.capitalize(), _text(ended), 1),
    )
    _insert(connection, "task_run", TASK_RUN_COLUMNS, values)


def _insert_states(
    connection: sqlite3.Connection, kind: str, run_id: str, states: list[tuple[str, datetime]]
) -> list[str]:
    """Insert the states of a flow_run or task_run; returns their ids."""
    ids = []
    for state_type, at in states:
        body: dict[str, Any] = bodies.state(state_type, {f"{kind}_id": run_id})
        ids.append(str(uuid.uuid4()))
        when = _text(at)
        values = (ids[-1], when, when, state_type, when, body["name"], json.dumps(body["state_details"]), None)
        _insert(connection, f"{kind}_state", f"{STATE_COLUMNS}, {kind}_id", (*values, run_id))
    return ids


def _insert(connection: sqlite3.Connection, table: str, columns: str, values: tuple[Any, ...]) -> None:
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(values))})", values)


def _text(at: datetime) -> str:
    """A time as the peer stores it: UTC, microseconds, no offset."""
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")
