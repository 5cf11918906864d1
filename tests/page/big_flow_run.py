"""A flow run with many task runs, as a client of the 3.x line tells of them: made quickly, with the times of hours.

What lives here: the records. What does not: what is asked of the page about them.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import httpx

from tests.api.records import new_flow, new_flow_run

TASKS = ("extract", "clean", "join", "train", "report")
ENDS = ("COMPLETED",) * 18 + ("FAILED", "CRASHED")
AT_ONCE = 60
EVENTS_A_REQUEST = 1_500


def big_flow_run(api: httpx.Client, size: int, *, running: int = 20, seed: int = 1) -> str:
    """The id of a flow run that is RUNNING, with so many task runs: a few dozen at a time, each but the first given the
    results of one or two before it, the last of them still running."""
    flow = new_flow(api, name=f"big-{size}-{seed}")
    run = new_flow_run(api, flow_id=flow["id"], name="a-big-one", state={"type": "RUNNING"})
    told: list[dict[str, Any]] = []
    for life in _lives(run["id"], size, running, Random(seed)):
        told += life
        if len(told) >= EVENTS_A_REQUEST:
            _send(api, told)
            told = []
    _send(api, told)
    return str(run["id"])


def _send(api: httpx.Client, events: list[dict[str, Any]]) -> None:
    answer = api.post("/events", json=events, timeout=120)
    assert answer.status_code == 204, answer.text


def _lives(flow_run_id: str, size: int, running: int, rng: Random) -> Iterator[list[dict[str, Any]]]:
    """The events of each task run. So many places are taken by one task run after the other."""
    ids = [str(UUID(int=rng.getrandbits(128), version=4)) for _ in range(size)]
    lasts = [rng.expovariate(1 / 20) + 0.5 for _ in ids]
    free = [rng.random() * 10 for _ in range(AT_ONCE)]
    starts = []
    for last in lasts:
        place = min(range(AT_ONCE), key=free.__getitem__)
        starts.append(free[place])
        free[place] += last + rng.random()
    begin = datetime.now(UTC) - timedelta(seconds=max(free))
    for i, run_id in enumerate(ids):
        begun = [j for j in range(max(0, i - 400), i) if starts[j] + lasts[j] <= starts[i]]
        given = sorted({rng.choice(begun) for _ in range(rng.choice((1, 1, 2)))}) if begun else []
        inputs = {f"x{n}": [{"input_type": "task_run", "id": ids[j]}] for n, j in enumerate(given)}
        said = {"name": f"{TASKS[i % len(TASKS)]}-{i}", "task_key": TASKS[i % len(TASKS)], "task_inputs": inputs}
        start = begin + timedelta(seconds=starts[i])
        end = None if i >= size - running else start + timedelta(seconds=lasts[i])
        yield _life(run_id, flow_run_id, start, end, rng.choice(ENDS), said)


def _life(
    run_id: str, flow_run_id: str, start: datetime, end: datetime | None, last: str, said: dict[str, Any]
) -> list[dict[str, Any]]:
    run = {"dynamic_key": run_id, "expected_start_time": start.isoformat(), **said}
    started = run | {"run_count": 1, "start_time": start.isoformat()}
    events = [_event(run_id, flow_run_id, "RUNNING", start, started)]
    if end is not None:
        ended = {"end_time": end.isoformat(), "total_run_time": (end - start).total_seconds()}
        events.append(_event(run_id, flow_run_id, last, end, started | ended))
    return events


def _event(run_id: str, flow_run_id: str, kind: str, at: datetime, said: dict[str, Any]) -> dict[str, Any]:
    name = kind.capitalize()
    return {
        "id": str(uuid4()),
        "occurred": at.isoformat(),
        "event": f"prefect.task-run.{name}",
        "resource": {
            "prefect.resource.id": f"prefect.task-run.{run_id}",
            "prefect.orchestration": "client",
            "prefect.state-type": kind,
        },
        "related": [
            {"prefect.resource.id": f"prefect.flow-run.{flow_run_id}", "prefect.resource.role": "flow-run"},
        ],
        "payload": {"validated_state": {"type": kind, "name": name}, "task_run": said},
    }
