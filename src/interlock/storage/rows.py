"""Rows to records and back, for runs and their states.

What lives here: the column lists and the conversions of the two run tables and the two state tables. What does not:
which rows are asked for (queries/, ledger.py).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Column, Select, Table, select

from interlock.orchestration.runs import FlowRun, FlowRunPolicy, TaskRun, TaskRunPolicy
from interlock.orchestration.states import State, StateDetails, StateType
from interlock.storage.tables import flow_run_states, flow_runs, task_run_states, task_runs

_details = msgspec.json.Decoder(StateDetails)
_task_policy = msgspec.json.Decoder(TaskRunPolicy)
_flow_policy = msgspec.json.Decoder(FlowRunPolicy)
_STATE_TYPES: dict[str, StateType] = {x.value: x for x in StateType}

# The run tables repeat the type, name and time of the current state for the indexes' sake; a run is read from its
# state's own row.
_REPEATED = {"state_type", "state_name", "state_timestamp", "state_id", "start_or_expected_time"}


def _columns(runs: Table, states: Table) -> list[Column[Any]]:
    own = [c for c in runs.c if c.name not in _REPEATED]
    return [*own, states.c.id, *(states.c[n] for n in STATE_COLUMNS[1:])]


STATE_COLUMNS = ("id", "type", "name", "timestamp", "message", "data", "state_details", "transition_id")
TASK_RUN_COLUMNS = _columns(task_runs, task_run_states)
FLOW_RUN_COLUMNS = _columns(flow_runs, flow_run_states)
_TASK_RUN_FIELDS = [c.name for c in TASK_RUN_COLUMNS[: -len(STATE_COLUMNS)]]
_FLOW_RUN_FIELDS = [c.name for c in FLOW_RUN_COLUMNS[: -len(STATE_COLUMNS)]]

_STATE_REFERENCE = ("state_id", "state_type", "state_name", "state_timestamp")
_TIMES = ("expected_start_time", "next_scheduled_start_time", "start_time", "end_time", "total_run_time")
TASK_RUN_CHANGES = ("updated", *_STATE_REFERENCE, "run_count", "flow_run_run_count", *_TIMES)
FLOW_RUN_CHANGES = ("updated", *_STATE_REFERENCE, "empirical_policy", "run_count", *_TIMES)
"""The columns that a transition may change; the others are written once or changed by request."""
TASK_RUN_VALUES = tuple(c.name for c in task_runs.c if c.computed is None)
TASK_RUN_REWRITES = tuple(x for x in TASK_RUN_VALUES if x not in ("id", "created"))
FLOW_RUN_VALUES = tuple(c.name for c in flow_runs.c if c.computed is None)


TASK_RUNS_WITH_STATES = task_runs.outerjoin(task_run_states, task_run_states.c.id == task_runs.c.state_id)
FLOW_RUNS_WITH_STATES = flow_runs.outerjoin(flow_run_states, flow_run_states.c.id == flow_runs.c.state_id)


def select_task_runs() -> Select[Any]:
    """Every task run with its current state; narrow it down with `where`. Read the rows with `task_run`."""
    return select(*TASK_RUN_COLUMNS).select_from(TASK_RUNS_WITH_STATES)


def select_flow_runs() -> Select[Any]:
    """Every flow run with its current state; narrow it down with `where`. Read the rows with `flow_run`."""
    return select(*FLOW_RUN_COLUMNS).select_from(FLOW_RUNS_WITH_STATES)


def select_states(states: Table) -> Select[Any]:
    """Every state of one of the two state tables; read the rows with `state`."""
    return select(*(states.c[n] for n in STATE_COLUMNS))


def task_run(row: Sequence[Any]) -> TaskRun:
    """The record of a row of `select_task_runs`."""
    values: dict[str, Any] = dict(zip(_TASK_RUN_FIELDS, row, strict=False))
    values["empirical_policy"] = _task_policy.decode(values["empirical_policy"])
    values["tags"] = tuple(values["tags"])
    return TaskRun(**values, state=_current_state(row))


def flow_run(row: Sequence[Any]) -> FlowRun:
    """The record of a row of `select_flow_runs`."""
    values: dict[str, Any] = dict(zip(_FLOW_RUN_FIELDS, row, strict=False))
    values["empirical_policy"] = _flow_policy.decode(values["empirical_policy"])
    values["tags"] = tuple(values["tags"])
    return FlowRun(**values, state=_current_state(row))


def has_state(row: Sequence[Any]) -> bool:
    """Whether a row of `select_task_runs` or `select_flow_runs` has a current state."""
    return row[-len(STATE_COLUMNS)] is not None


def _current_state(row: Sequence[Any]) -> State | None:
    return state(row[-len(STATE_COLUMNS) :]) if has_state(row) else None


def state(row: Sequence[Any]) -> State:
    """The record of a row of `select_states`."""
    state_id, state_type, name, timestamp, message, data, details, transition_id = row
    return State(
        id=state_id,
        type=_STATE_TYPES[state_type],
        name=name,
        timestamp=timestamp,
        message=message,
        data=None if data is None else msgspec.json.decode(data),
        details=_details.decode(details),
        transition_id=transition_id,
    )


def task_run_values(run: TaskRun) -> dict[str, Any]:
    """The columns of a task run's row, for an insert."""
    return {
        "id": run.id,
        "created": run.created,
        "name": run.name,
        "flow_run_id": run.flow_run_id,
        "task_key": run.task_key,
        "dynamic_key": run.dynamic_key,
        "cache_key": run.cache_key,
        "cache_expiration": run.cache_expiration,
        "task_version": run.task_version,
        "empirical_policy": msgspec.json.encode(run.empirical_policy).decode(),
        "tags": run.tags,
        "labels": run.labels,
        "task_inputs": run.task_inputs,
        **task_run_changes(run),
    }


def task_run_changes(run: TaskRun) -> dict[str, Any]:
    """The columns of a task run's row that a transition may change."""
    return {
        "updated": run.updated,
        **_state_reference(run.state),
        "run_count": run.run_count,
        "flow_run_run_count": run.flow_run_run_count,
        "expected_start_time": run.expected_start_time,
        "next_scheduled_start_time": run.next_scheduled_start_time,
        "start_time": run.start_time,
        "end_time": run.end_time,
        "total_run_time": run.total_run_time,
    }


def flow_run_values(run: FlowRun) -> dict[str, Any]:
    """The columns of a flow run's row, for an insert."""
    return {
        "id": run.id,
        "created": run.created,
        "name": run.name,
        "flow_id": run.flow_id,
        "deployment_id": run.deployment_id,
        "deployment_version": run.deployment_version,
        "work_queue_id": run.work_queue_id,
        "work_queue_name": run.work_queue_name,
        "flow_version": run.flow_version,
        "parameters": run.parameters,
        "idempotency_key": run.idempotency_key,
        "context": run.context,
        "tags": run.tags,
        "labels": run.labels,
        "parent_task_run_id": run.parent_task_run_id,
        "auto_scheduled": run.auto_scheduled,
        "infrastructure_document_id": run.infrastructure_document_id,
        "infrastructure_pid": run.infrastructure_pid,
        "created_by": run.created_by,
        "job_variables": run.job_variables,
        **flow_run_changes(run),
    }


def flow_run_changes(run: FlowRun) -> dict[str, Any]:
    """The columns of a flow run's row that a transition may change."""
    return {
        "updated": run.updated,
        **_state_reference(run.state),
        "empirical_policy": msgspec.json.encode(run.empirical_policy).decode(),
        "run_count": run.run_count,
        "expected_start_time": run.expected_start_time,
        "next_scheduled_start_time": run.next_scheduled_start_time,
        "start_time": run.start_time,
        "end_time": run.end_time,
        "total_run_time": run.total_run_time,
    }


def _state_reference(current: State | None) -> dict[str, str | datetime | None]:
    if current is None:
        return {"state_id": None, "state_type": None, "state_name": None, "state_timestamp": None}
    return {
        "state_id": current.id,
        "state_type": current.type.value,
        "state_name": current.name,
        "state_timestamp": current.timestamp,
    }


def state_values(new: State) -> dict[str, Any]:
    """The columns of a state's row, but for the id of its run."""
    return {
        "id": new.id,
        "type": new.type.value,
        "name": new.name,
        "timestamp": new.timestamp,
        "message": new.message,
        "data": None if new.data is None else msgspec.json.encode(new.data).decode(),
        "state_details": msgspec.json.encode(new.details).decode(),
        "transition_id": new.transition_id,
    }
