"""Filling a server with the data set through its API. What does not live here: filling the peer (fill_peer.py)."""

from datetime import datetime

from bench import bodies, dataset
from bench.dataset import StoredRun
from bench.http_client import Connection, Target, connected
from bench.load import Load, exchange

FILL_CONNECTIONS = 50


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
    load = Load([target], DatasetRequests(target, runs, flow_run_ids), FILL_CONNECTIONS, count)
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
