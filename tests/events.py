"""Events as clients of the 3.x line send them.

What lives here: an event that tells of a task run's state, made up or as the published client (3.9.1) sent it. What
does not: sending them.
"""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.builders import THEN

CAPTURED = Path(__file__).with_name("events_3.9.1.jsonl")
"""What the published client sent on its socket while a flow ran, but for the paths of its machine."""


def captured() -> list[dict[str, Any]]:
    """The events that the published client sent, in their order."""
    return [json.loads(line) for line in CAPTURED.read_text().splitlines()]


def moment(seconds: float) -> str:
    """A time as an event has it."""
    return (THEN + timedelta(seconds=seconds)).isoformat()


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def event(
    run_id: str,
    flow_run_id: str | None,
    kind: str,
    at: float = 0,
    *,
    state_name: str | None = None,
    data: Any = None,
    details: dict[str, Any] | None = None,
    **said: Any,
) -> dict[str, Any]:
    """A task run's state, told as the client tells it; `said` is what it says of the run."""
    name = state_name or kind.capitalize()
    related = [] if flow_run_id is None else [_resource("flow-run", flow_run_id, role="flow-run")]
    state = {"type": kind, "name": name, "message": "", "state_details": details or {}, "data": data}
    return {
        "id": str(uuid4()),
        "occurred": moment(at),
        "event": f"prefect.task-run.{name}",
        "resource": _resource("task-run", run_id) | {"prefect.orchestration": "client", "prefect.state-type": kind},
        "related": related,
        "payload": {
            "intended": {"from": None, "to": kind},
            "initial_state": None,
            "validated_state": state,
            "task_run": {"task_key": "task", "dynamic_key": run_id, **said},
        },
        "follows": None,
    }


def _resource(kind: str, record_id: str, **labels: str) -> dict[str, str]:
    named = {f"prefect.resource.{name}": value for name, value in labels.items()}
    return {"prefect.resource.id": f"prefect.{kind}.{record_id}", **named}


def a_life(run_id: str, flow_run_id: str | None) -> list[dict[str, Any]]:
    """The events of a run that starts and completes."""
    started = {"run_count": 1, "start_time": moment(1)}
    return [
        event(run_id, flow_run_id, "PENDING", 0, run_count=0),
        event(run_id, flow_run_id, "RUNNING", 1, **started),
        event(run_id, flow_run_id, "COMPLETED", 2, end_time=moment(2), total_run_time=1.0, **started),
    ]
