"""Short ways to make the records that many tests need."""

from datetime import UTC, datetime
from typing import Any

from interlock.orchestration.commands import RecordTaskRunState
from interlock.orchestration.runs import FlowRun, TaskRun
from interlock.orchestration.states import State, StateDetails, StateType, default_name

THEN = datetime(2026, 1, 1, tzinfo=UTC)


def task_run_draft(task_run_id: str, flow_run_id: str | None, **fields: Any) -> TaskRun:
    """A task run that is still to be created, with keys of its own unless they are given."""
    values = {"name": "run", "task_key": "task", "dynamic_key": task_run_id, **fields}
    return TaskRun(id=task_run_id, created=THEN, updated=THEN, flow_run_id=flow_run_id, **values)


def flow_run_draft(flow_run_id: str, flow_id: str, **fields: Any) -> FlowRun:
    """A flow run that is still to be created."""
    return FlowRun(id=flow_run_id, created=THEN, updated=THEN, flow_id=flow_id, **{"name": "run", **fields})


def recording(
    task_run_id: str,
    flow_run_id: str | None,
    kind: StateType,
    *,
    state_id: str,
    at: datetime = THEN,
    state_name: str | None = None,
    data: Any = None,
    details: StateDetails | None = None,
    **said: Any,
) -> RecordTaskRunState:
    """A state that a client tells of, and what it says of the run."""
    keys = {"task_key", "dynamic_key"}
    state = State(
        id=state_id,
        type=kind,
        name=state_name or default_name(kind),
        timestamp=at,
        data=data,
        details=details or StateDetails(flow_run_id=flow_run_id),
    )
    draft = task_run_draft(task_run_id, flow_run_id, **said)
    return RecordTaskRunState(run=draft, said=frozenset(said.keys() - keys), state=state)
