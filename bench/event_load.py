"""Load on the recording of task runs: clients of the 3.x line, each with a socket, tell of the states of their runs.

What does not live here: a real flow (scenarios/flow.py), and the tables (scenarios/events.py).
"""

import asyncio
import itertools
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.bodies import encode
from bench.http_client import Connection, Target, connected
from bench.load import count_completed, exchange
from bench.machine import ProcessTree
from bench.report import latency_summary

STATES = ("PENDING", "RUNNING", "COMPLETED")
RUNS_A_PING = 20
"""The published client asks, by a ping, whether what it sent has arrived, and goes on when it has."""

POLL_SECONDS = 0.01
OPEN_SECONDS = 60.0
SILENT_SECONDS = 60.0
"""When it is given up that more is recorded."""

_AUTH = encode({"type": "auth", "token": None}).decode()


def life(run_id: str, flow_run_id: str) -> list[str]:
    """The events of a task run that completes, as the 3.9.1 client sends them."""
    begun, ids = datetime.now(UTC), [str(uuid.uuid4()) for _ in STATES]
    return [_event(run_id, flow_run_id, number, begun, ids) for number in range(len(STATES))]


def _event(run_id: str, flow_run_id: str, number: int, begun: datetime, ids: list[str]) -> str:
    state, before = STATES[number], STATES[number - 1] if number else None
    occurred = (begun + timedelta(milliseconds=number)).isoformat()
    run = {
        "name": "double-1",
        "task_key": "double-1a2b3c4d",
        "dynamic_key": run_id,
        "empirical_policy": {"max_retries": 0, "retry_delay_seconds": 0.0, "retries": 0, "retry_delay": 0},
        "tags": [],
        "labels": {},
        "task_inputs": {"number": []},
        "run_count": min(number, 1),
        "flow_run_run_count": min(number, 1),
        "expected_start_time": begun.isoformat(),
        "total_run_time": 0.001 if number == 2 else 0.0,
    }
    if number:
        run["start_time"] = (begun + timedelta(milliseconds=1)).isoformat()
    event = {
        "occurred": occurred,
        "event": f"prefect.task-run.{state.capitalize()}",
        "resource": {
            "prefect.resource.id": f"prefect.task-run.{run_id}",
            "prefect.resource.name": "double-1",
            "prefect.run-count": str(run["run_count"]),
            "prefect.state-message": "",
            "prefect.state-name": state.capitalize(),
            "prefect.state-timestamp": occurred,
            "prefect.state-type": state,
            "prefect.orchestration": "client",
        },
        "related": [
            {
                "prefect.resource.id": f"prefect.flow-run.{flow_run_id}",
                "prefect.resource.role": "flow-run",
                "prefect.resource.name": "swift-otter",
            }
        ],
        "payload": {
            "intended": {"from": before, "to": state},
            "initial_state": before and _state(before),
            "validated_state": _state(state) | {"data": None},
            "task_run": run,
        },
        "id": ids[number],
        "follows": ids[number - 1] if number else None,
    }
    return encode(event).decode()


def _state(state: str) -> dict[str, Any]:
    return {"type": state, "name": state.capitalize(), "message": "", "state_details": {}}


@asynccontextmanager
async def clients(target: Target, count: int) -> AsyncIterator[list[ClientConnection]]:
    """So many clients that are let in."""
    url = target.url.replace("http", "ws", 1) + "/events/in"
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(
                connect(url, subprotocols=[Subprotocol("prefect")], open_timeout=OPEN_SECONDS, ping_interval=None)
            )
            for _ in range(count)
        ]
        for socket in opened:
            await socket.send(_AUTH)
            await socket.recv()
        yield opened


async def new_flow_run(connection: Connection, target: Target) -> str:
    """The id of a flow run that runs."""
    flow = await exchange(connection, target.post("/flows/", encode({"name": f"bench-{uuid.uuid4()}"})))
    body = {"flow_id": flow["id"], "state": {"type": "RUNNING"}}
    return str((await exchange(connection, target.post("/flow_runs/", encode(body))))["id"])


async def measure_rate(target: Target, count: int, runs: int, watched: Mapping[str, ProcessTree]) -> dict[str, Any]:
    """Events recorded a second: from the first one sent by so many clients until all runs are told to be COMPLETED.

    CPU times are those of the processes watched, by their names, in milliseconds an event.
    """
    async with connected(target) as connection, clients(target, count) as sockets:
        flow_run_id = await new_flow_run(connection, target)
        told = [life(str(uuid.uuid4()), flow_run_id) for _ in range(runs)]
        before = {name: processes.cpu_seconds() for name, processes in watched.items()}
        started = time.perf_counter()
        sending = [asyncio.create_task(_send(socket, told[number::count])) for number, socket in enumerate(sockets)]
        recorded, ended = await _until_recorded(connection, target, flow_run_id, runs)
        await asyncio.gather(*sending)
        cpu = {name: processes.cpu_seconds() - before[name] for name, processes in watched.items()}
    events = recorded * len(STATES)
    return {
        "per_second": events / (ended - started),
        "unrecorded": runs - recorded,
        "cpu_ms": {name: used * 1000 / max(events, 1) for name, used in cpu.items()},
    }


async def _send(socket: ClientConnection, lives: list[list[str]]) -> None:
    for first in range(0, len(lives), RUNS_A_PING):
        for event in itertools.chain(*lives[first : first + RUNS_A_PING]):
            await socket.send(event)
        await (await socket.ping())


async def _until_recorded(connection: Connection, target: Target, flow_run_id: str, runs: int) -> tuple[int, float]:
    """How many runs are told to be COMPLETED, once all are or no more are for a while; and when the last one was."""
    recorded, since = 0, time.perf_counter()
    while recorded < runs and time.perf_counter() - since < SILENT_SECONDS:
        found = await count_completed(connection, target, flow_run_id)
        if found > recorded:
            recorded, since = found, time.perf_counter()
        await asyncio.sleep(POLL_SECONDS)
    return recorded, since


async def measure_delay(target: Target, count: int, rate: float, runs: int) -> dict[str, Any]:
    """How long after a run's last event was sent it is told to be COMPLETED, where so many runs a second are told of by
    so many clients in turn. In milliseconds, to within the time between two questions."""
    async with connected(target) as connection, clients(target, count) as sockets:
        flow_run_id = await new_flow_run(connection, target)
        begun, waits = time.perf_counter(), []
        for number in range(runs):
            await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
            socket = sockets[number % count]
            waits.append(asyncio.create_task(_seen(target, socket, flow_run_id)))
        seconds = await asyncio.gather(*waits)
    return {"delay_ms": latency_summary(x for x in seconds if x is not None), "unseen": seconds.count(None)}


async def _seen(target: Target, socket: ClientConnection, flow_run_id: str) -> float | None:
    run_id = str(uuid.uuid4())
    for event in life(run_id, flow_run_id):
        await socket.send(event)
    sent = time.perf_counter()
    async with connected(target) as connection:
        while (seconds := time.perf_counter() - sent) < SILENT_SECONDS:
            answer = await connection.request(target.get(f"/task_runs/{run_id}"))
            if answer.ok and b'"COMPLETED"' in answer.body:
                return seconds
            await asyncio.sleep(POLL_SECONDS)
    return None
