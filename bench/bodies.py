"""The requests of a task run as the published 2.20.25 client sends them, field for field, encoded once.

`TaskRunRequests` fills in what differs between two requests (a number, an id) by joining bytes, so that sending one
costs the load generator next to nothing.
"""

import json
from typing import Any

from bench.http_client import Target

ID_LENGTH = 36
_ID_START = b'{"id":"'

# Placeholders of the length of what replaces them, so that Content-Length stays right.
_ID_MARK = "#" * ID_LENGTH
_ID = _ID_MARK.encode()
_NUMBER_MARK = "@" * 8
_NUMBER = _NUMBER_MARK.encode()

STATE_DETAILS: dict[str, Any] = {
    "flow_run_id": None,
    "task_run_id": None,
    "child_flow_run_id": None,
    "scheduled_time": None,
    "cache_key": None,
    "cache_expiration": None,
    "untrackable_result": False,
    "pause_timeout": None,
    "pause_reschedule": False,
    "pause_key": None,
    "run_input_keyset": None,
    "refresh_cache": None,
    "retriable": None,
    "transition_id": None,
    "task_parameters_id": None,
}
_PARAMETERS_ID = "5b0b2c0e-6f0c-4d0a-9e0e-3a4f5d1c7b21"
_UNPERSISTED = {
    "type": "unpersisted",
    "artifact_type": "result",
    "artifact_description": "Unpersisted result of type `int`",
}


def encode(body: object) -> bytes:
    """JSON as the client writes it, without spaces."""
    return json.dumps(body, separators=(",", ":")).encode()


def state(state_type: str, details: dict[str, Any] | None = None, data: object = None) -> dict[str, Any]:
    """A StateCreate body."""
    return {
        "type": state_type,
        "name": state_type.capitalize(),
        "message": None,
        "state_details": STATE_DETAILS | (details or {}),
        "data": data,
    }


def task_run(
    flow_run_id: str | None, dynamic_key: str, tags: list[str] | None = None, initial: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A TaskRunCreate body; the initial state is PENDING unless given."""
    return {
        "state": initial or state("PENDING"),
        "name": f"double-{dynamic_key}",
        "flow_run_id": flow_run_id,
        "task_key": "double-3611945e",
        "dynamic_key": dynamic_key,
        "cache_key": None,
        "cache_expiration": None,
        "task_version": None,
        "empirical_policy": {
            "max_retries": 0,
            "retry_delay_seconds": 0,
            "retries": 0,
            "retry_delay": 0,
            "retry_jitter_factor": None,
        },
        "tags": tags or [],
        "task_inputs": {"x": []},
    }


def background_task_run(task_key: str, dynamic_key: str) -> dict[str, Any]:
    """A TaskRunCreate body of a task that is submitted outside of a flow, for a worker to run it.

    The client adds its own clock's time as the scheduled time; here the server takes its own for that.
    """
    scheduled = state("SCHEDULED", {"task_parameters_id": _PARAMETERS_ID})
    run = task_run(None, dynamic_key, initial=scheduled)
    return run | {"name": None, "task_key": task_key, "task_inputs": {}}


def flow_run(flow_id: str, name: str | None = None, tags: list[str] | None = None) -> dict[str, Any]:
    """A FlowRunCreate body."""
    policy = {
        "max_retries": 0,
        "retry_delay_seconds": 0,
        "retries": 0,
        "retry_delay": 0,
        "pause_keys": [],
        "resuming": False,
        "retry_type": None,
    }
    return {
        "state": state("PENDING"),
        "name": name,
        "flow_id": flow_id,
        "deployment_id": None,
        "flow_version": "21a8756f5ffce96cec4c6327f14dd21b",
        "parameters": {"n": 500},
        "context": {},
        "parent_task_run_id": None,
        "infrastructure_document_id": None,
        "empirical_policy": policy,
        "tags": tags or [],
        "idempotency_key": None,
    }


def set_state(state_type: str, task_run_id: str = _ID_MARK) -> dict[str, Any]:
    """A task run's set_state body: RUNNING, or a final state with an unpersisted result."""
    if state_type == "RUNNING":
        proposed = state("RUNNING", {"task_run_id": task_run_id, "refresh_cache": False})
    else:
        proposed = state(state_type, {"task_run_id": task_run_id, "untrackable_result": True}, _UNPERSISTED)
    return {"state": proposed, "force": False}


def id_of(body: bytes) -> bytes:
    """The `id` of a created resource; a slice where the answer starts with it, as both servers' answers do."""
    if body.startswith(_ID_START):
        return body[len(_ID_START) : len(_ID_START) + ID_LENGTH]
    return str(json.loads(body)["id"]).encode()


class TaskRunRequests:
    """Whole requests for the task runs of one flow run: each is created, set to RUNNING and to COMPLETED."""

    def __init__(self, target: Target, flow_run_id: str) -> None:
        self._create = target.post("/task_runs/", encode(task_run(flow_run_id, _NUMBER_MARK))).split(_NUMBER)
        self._running = set_state_parts(target, "RUNNING")
        self._completed = set_state_parts(target, "COMPLETED")

    def create(self, number: int) -> bytes:
        """Create the task run with this dynamic key (below 100 million)."""
        return (b"%08d" % number).join(self._create)

    def transitions(self, number: int, task_run_id: bytes) -> tuple[tuple[str, bytes], ...]:
        """The (state type, request) pairs that take the run from PENDING to its end."""
        return ("RUNNING", task_run_id.join(self._running)), ("COMPLETED", task_run_id.join(self._completed))


class BackgroundTaskRunRequests:
    """Whole requests for background runs of one task: each is created, and the rest is a worker's."""

    def __init__(self, target: Target, task_key: str) -> None:
        self._create = target.post("/task_runs/", encode(background_task_run(task_key, _NUMBER_MARK))).split(_NUMBER)

    def create(self, number: int) -> bytes:
        """Create the task run with this dynamic key (below 100 million)."""
        return (b"%08d" % number).join(self._create)

    def transitions(self, number: int, task_run_id: bytes) -> tuple[tuple[str, bytes], ...]:
        """None: it waits."""
        return ()


def set_state_parts(target: Target, state_type: str) -> list[bytes]:
    """A set_state request cut where the task run's id goes: `id.join(parts)` is the request."""
    return target.post(f"/task_runs/{_ID_MARK}/set_state", encode(set_state(state_type))).split(_ID)
