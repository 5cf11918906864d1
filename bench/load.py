"""The load generator: N connections, each creating task runs and taking them to RUNNING and COMPLETED, one by one.

The load is closed: a connection sends its next request when it has the answer to the last one. The scenarios call
`measure`; `python -m bench.load URL` puts the same load on any running server and prints the report as JSON.
"""

import argparse
import asyncio
import gc
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import uvloop

from bench.bodies import TaskRunRequests, encode, flow_run, id_of
from bench.http_client import Answer, Connection, ConnectionFailure, HttpError, Target, connected
from bench.machine import ProcessTree, pin
from bench.report import latency_summary

REQUEST_TIMEOUT_SECONDS = 60.0  # the 2.20.25 client's own default
RECONNECT_PAUSE_SECONDS = 0.05  # a server that refuses connections is not asked in a tight loop

Result = TypeVar("Result")


class RunRequests(Protocol):
    """Where the requests of run number n come from."""

    def create(self, number: int) -> bytes: ...

    def transitions(self, number: int, task_run_id: bytes) -> tuple[tuple[str, bytes], ...]: ...


class Load:
    """Drives the connections. Times are those of `time.perf_counter`, in seconds.

    A latency counts if its request was sent inside the measured window (so that slow answers at its end are not lost),
    a write counts for the rate if its answer came inside the window. The runs begun are finished after the window.
    The connections are spread evenly over the targets, which are servers of one ledger.
    """

    def __init__(
        self, targets: Sequence[Target], requests: RunRequests, connections: int, runs: int | None = None
    ) -> None:
        self._targets = targets
        self._requests = requests
        self._connections: list[Connection | None] = [None] * connections
        self._next_number = 0
        self._runs = runs
        self.window_start = 0.0
        self.window_end = float("inf")
        self.latencies: dict[str, list[float]] = {}
        self.writes_in_window = 0
        self.acknowledged: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()

    async def run(self) -> None:
        """Returns when the window has ended or all runs are done, and every run begun is finished."""
        watchdog = asyncio.create_task(self._abort_silent_connections())
        await asyncio.gather(*(self._drive(slot) for slot in range(len(self._connections))))
        watchdog.cancel()
        for slot in range(len(self._connections)):
            await self._drop(slot)

    def _take_number(self) -> int | None:
        number = self._next_number
        if time.perf_counter() >= self.window_end or number == self._runs:
            return None
        self._next_number += 1
        return number

    async def _drive(self, slot: int) -> None:
        while (number := self._take_number()) is not None:
            try:
                connection = self._connections[slot]
                if connection is None:
                    target = self._targets[slot % len(self._targets)]
                    connection = self._connections[slot] = await Connection.open(target.host, target.port)
                await self._one_run(connection, number)
            except (ConnectionFailure, HttpError) as failure:
                self.failures[str(failure)] += 1
                await self._drop(slot)
                await asyncio.sleep(RECONNECT_PAUSE_SECONDS)

    async def _drop(self, slot: int) -> None:
        connection, self._connections[slot] = self._connections[slot], None
        if connection is not None:
            await connection.close()

    async def _one_run(self, connection: Connection, number: int) -> None:
        created = await self._timed("create", connection, self._requests.create(number))
        if created is None:
            return
        for state_type, payload in self._requests.transitions(number, id_of(created.body)):
            if await self._timed(state_type, connection, payload) is None:
                return

    async def _timed(self, kind: str, connection: Connection, payload: bytes) -> Answer | None:
        """The answer if the write was accepted; else None, and the failure is counted."""
        sent = time.perf_counter()
        answer = await connection.request(payload)
        answered = time.perf_counter()
        failure = _failure(kind, answer)
        if failure is not None:
            self.failures[failure] += 1
            return None
        self.acknowledged[kind] += 1
        if self.window_start <= sent < self.window_end:
            self.latencies.setdefault(kind, []).append(answered - sent)
        if self.window_start <= answered < self.window_end:
            self.writes_in_window += 1
        return answer

    async def _abort_silent_connections(self) -> None:
        while True:
            await asyncio.sleep(1)
            now = time.perf_counter()
            for connection in self._connections:
                if connection is not None and connection.silent_seconds(now) > REQUEST_TIMEOUT_SECONDS:
                    connection.abort()


def _failure(kind: str, answer: Answer) -> str | None:
    """Why this answer is not the write's acceptance, or None."""
    if not answer.ok:
        return f"{kind}: HTTP {answer.status}"
    if kind != "create" and b'"status":"ACCEPT"' not in answer.body:
        return f"{kind}: not accepted"
    return None


async def exchange(connection: Connection, request: bytes) -> Any:
    """One request outside of the measurement; returns the answer's JSON, raises HttpError unless it is 2xx."""
    answer = await connection.request(request)
    if not answer.ok:
        raise HttpError(f"HTTP {answer.status}: {answer.body[:500]!r}")
    return json.loads(answer.body)


async def new_flow_run(connection: Connection, target: Target) -> str:
    """Create a flow run in RUNNING and return its id."""
    flow = await exchange(connection, target.post("/flows/", encode({"name": "bench", "tags": []})))
    run = await exchange(connection, target.post("/flow_runs/", encode(flow_run(flow["id"]))))
    running = encode({"state": {"type": "RUNNING", "name": "Running"}, "force": False})
    await exchange(connection, target.post(f"/flow_runs/{run['id']}/set_state", running))
    return str(run["id"])


async def count_completed(connection: Connection, target: Target, flow_run_id: str) -> int:
    """How many task runs of the flow run the server says are COMPLETED."""
    body = {
        "flow_runs": {"id": {"any_": [flow_run_id]}},
        "task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
    }
    return int(await exchange(connection, target.post("/task_runs/count", encode(body))))


async def measure(
    targets: Sequence[Target], connections: int, seconds: float, warm_up: float, watched: Mapping[str, ProcessTree]
) -> dict[str, Any]:
    """Run the load for a window of `seconds` after `warm_up`, check what the servers stored, and report.

    `watched` are processes whose CPU time is reported by their names.
    """
    target = targets[0]
    async with connected(target) as connection:
        flow_run_id = await new_flow_run(connection, target)
    load = Load(targets, TaskRunRequests(target, flow_run_id), connections)
    load.window_start = time.perf_counter() + warm_up
    load.window_end = load.window_start + seconds
    usage = asyncio.create_task(_usage_in_window(load, watched))
    await load.run()
    cpu, own_cpu = await usage
    async with connected(target) as connection:
        counted = await count_completed(connection, target, flow_run_id)
    return _report(load, seconds, cpu, counted) | {"connections": connections, "load_cpu_share": own_cpu / seconds}


async def take_runs(target: Target, connections: int, runs: int) -> None:
    """Have the server take so many runs. Raises RuntimeError if a request failed."""
    async with connected(target) as connection:
        flow_run_id = await new_flow_run(connection, target)
    load = Load([target], TaskRunRequests(target, flow_run_id), connections, runs)
    await load.run()
    if load.failures:
        raise RuntimeError(f"not all runs were taken: {dict(load.failures)}")


async def measure_while(
    target: Target, connections: int, warm_up: float, work: Callable[[], Awaitable[Result]]
) -> tuple[float, Result]:
    """Run the load for as long as `work` takes; how many writes there were a second meanwhile, and the result."""
    async with connected(target) as connection:
        flow_run_id = await new_flow_run(connection, target)
    load = Load([target], TaskRunRequests(target, flow_run_id), connections)
    load.window_start = time.perf_counter() + warm_up
    running = asyncio.create_task(load.run())
    await asyncio.sleep(warm_up)
    result = await work()
    load.window_end = time.perf_counter()
    await running
    return load.writes_in_window / (load.window_end - load.window_start), result


def _report(load: Load, seconds: float, cpu: dict[str, float], counted: int) -> dict[str, Any]:
    set_state = load.latencies.get("RUNNING", []) + load.latencies.get("COMPLETED", [])
    return {
        "seconds": seconds,
        "writes": load.writes_in_window,
        "writes_per_second": load.writes_in_window / seconds,
        "latency_ms": {k: latency_summary(v) for k, v in [*load.latencies.items(), ("set_state", set_state)]},
        "failures": dict(load.failures),
        "failed": load.failures.total(),
        "completed": {"acknowledged": load.acknowledged["COMPLETED"], "counted": counted},
        "cpu_ms_per_write": {name: used * 1000 / max(1, load.writes_in_window) for name, used in cpu.items()},
    }


async def _usage_in_window(load: Load, watched: Mapping[str, ProcessTree]) -> tuple[dict[str, float], float]:
    """CPU seconds used inside the window by those watched, and by this process."""
    await asyncio.sleep(load.window_start - time.perf_counter())
    before = {name: processes.cpu_seconds() for name, processes in watched.items()}
    own_before = time.process_time()
    await asyncio.sleep(load.window_end - time.perf_counter())
    own = time.process_time() - own_before
    return {name: processes.cpu_seconds() - before[name] for name, processes in watched.items()}, own


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run on uvloop. No garbage is collected meanwhile, so that no pause of our own gets into the percentiles."""
    gc.disable()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(main)
    finally:
        gc.enable()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument(
        "urls", nargs="+", metavar="url", help="base URL of the API, such as http://127.0.0.1:4200/api; of each server"
    )
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10, help="length of the measured window")
    parser.add_argument("--warm-up", type=float, default=2, help="seconds of load before the window")
    parser.add_argument("--pid", type=int, action="append", default=[], help="report its CPU time, and its children's")
    parser.add_argument("--core", type=int, help="core to pin this process to")
    options = parser.parse_args()
    targets = [Target.parse(url) for url in options.urls]
    pin(None if options.core is None else frozenset({options.core}))
    watched = {str(pid): ProcessTree(pid) for pid in options.pid}
    print(json.dumps(run(measure(targets, options.connections, options.seconds, options.warm_up, watched))))


if __name__ == "__main__":
    main()
