"""The wire's spelling of what the model knows, and the comparison of an answer with it.

What lives here: records to JSON and proposals to bodies. What does not: sending (server.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.model.records import FlowRun, Limit, Proposal, Run, State, TaskRun

Json = dict[str, Any]

NO_DETAILS: Json = {
    "flow_run_id": None,
    "task_run_id": None,
    "child_flow_run_id": None,
    "scheduled_time": None,
    "cache_key": None,
    "cache_expiration": None,
    "deferred": None,
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


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    body: Any


def spelt(value: Any) -> Any:
    """A time as the wire has it, anything else as it is."""
    return value.isoformat() if isinstance(value, datetime) else value


def body_of(proposal: Proposal) -> Json:
    """A proposal as a client sends it."""
    details = {name: spelt(value) for name, value in proposal.details.items()}
    body = {"type": proposal.type, "name": proposal.name, "message": proposal.message, "data": proposal.data}
    return {key: value for key, value in body.items() if value is not None} | {"state_details": details}


def shown_state(state: State) -> Json:
    """A state, without its id where the server has not shown it yet."""
    known = {} if state.id is None else {"id": state.id}
    return known | {
        "type": state.type,
        "name": state.name,
        "timestamp": state.timestamp,
        "message": state.message,
        "data": state.data,
        "state_details": NO_DETAILS | state.details,
    }


def _shown_run(run: Run, now: datetime) -> Json:
    state = run.state
    running = state is not None and state.type == "RUNNING"
    present = (now - state.timestamp).total_seconds() if state is not None and running else 0.0
    known = {} if state is not None and state.id is None else {"state_id": state.id if state else None}
    return known | {
        "id": run.id,
        "created": run.created,
        "tags": list(run.tags),
        "state": shown_state(state) if state else None,
        "state_type": state.type if state else None,
        "state_name": state.name if state else None,
        "run_count": run.run_count,
        "start_time": run.start_time,
        "end_time": run.end_time,
        "expected_start_time": run.expected_start_time,
        "next_scheduled_start_time": run.next_scheduled_start_time,
        "total_run_time": run.total_run_time,
        "estimated_run_time": run.total_run_time + present,
    }


def shown_task_run(run: TaskRun, now: datetime) -> Json:
    return _shown_run(run, now) | {
        "flow_run_id": run.flow_run_id,
        "task_key": run.task_key,
        "dynamic_key": run.dynamic_key,
        "flow_run_run_count": run.flow_run_run_count,
        "empirical_policy": {"retries": run.retries, "retry_delay": run.delay},
    }


def shown_flow_run(run: FlowRun, now: datetime) -> Json:
    return _shown_run(run, now) | {
        "flow_id": run.flow_id,
        "idempotency_key": run.idempotency_key,
        "parent_task_run_id": run.parent_task_run_id,
        "deployment_id": run.deployment_id,
        "empirical_policy": {
            "retries": run.retries,
            "retry_delay": run.delay,
            "pause_keys": run.pause_keys,
            "resuming": run.resuming,
            "retry_type": run.retry_type,
        },
    }


def shown_limit(tag: str, limit: Limit) -> Json:
    return {"tag": tag, "concurrency_limit": limit.size, "active_slots": limit.holders}


def expect(answer: Answer, status: int, shown: Any = None) -> None:
    """The answer has this status, and shows this, where something is to be shown."""
    assert answer.status == status, f"expected {status}, was answered {answer.status}: {answer.body}"
    if shown is not None:
        same(answer.body, shown)


def same(actual: Any, expected: Any, at: str = "answer") -> None:
    """What the model expects is what the server shows; what the model does not know of is not compared."""
    if isinstance(expected, Mapping):
        assert isinstance(actual, dict), f"{at}: {actual!r} is not {expected!r}"
        for key, value in expected.items():
            assert key in actual, f"{at} has no {key}"
            same(actual[key], value, f"{at}.{key}")
    elif isinstance(expected, list) and isinstance(actual, list):
        assert len(actual) == len(expected), f"{at}: {len(actual)} of {len(expected)}: {actual} instead of {expected}"
        for number, (one, other) in enumerate(zip(actual, expected, strict=True)):
            same(one, other, f"{at}[{number}]")
    else:
        assert _value(actual, expected) == expected, f"{at} is {actual!r} instead of {expected!r}"


def _value(actual: Any, expected: Any) -> Any:
    """The value as the model has such values."""
    if isinstance(expected, datetime) and isinstance(actual, str):
        return datetime.fromisoformat(actual)
    return set(actual) if isinstance(expected, set) else actual
