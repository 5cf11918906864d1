"""What a new state sets on its run in the model: times and durations, for task runs and flow runs alike."""

from datetime import datetime
from typing import Any

from tests.model.records import Proposal, Run, State
from tests.model.shared_rules import kind_of


def write(run: Run, written: Proposal, owners: dict[str, str | None], request: str | None, now: datetime) -> State:
    """Put the run into the state. `owners` are the ids of runs that the state's details name, `request` is the
    transition id of the request that led to it."""
    state = State(
        type=written.type,
        name=written.shown_name,
        timestamp=now,
        message=written.message,
        data=_kept(written.data),
        details=written.details | owners,
        request=request,
    )
    _set_expected_times(run, state)
    _set_start_and_end(run, state)
    if run.type == "RUNNING":
        run.total_run_time += (now - run.states[-1].timestamp).total_seconds()
    run.states.append(state)
    return state


def _kept(data: Any) -> Any:
    """Data as it is stored: none where it says that it is not persisted, an object where it is empty."""
    if kind_of(data) == "unpersisted":
        return None
    return {} if data in ("", []) else data


def _set_expected_times(run: Run, state: State) -> None:
    scheduled = state.details.get("scheduled_time") if state.type == "SCHEDULED" else None
    if run.expected_start_time is None:
        run.expected_start_time = scheduled or state.timestamp
    if scheduled is not None or run.type == "SCHEDULED":
        run.next_scheduled_start_time = scheduled


def _set_start_and_end(run: Run, state: State) -> None:
    if state.type == "RUNNING" and run.start_time is None:
        run.start_time = state.timestamp
    if not state.has_ended:
        run.end_time = None
    elif run.start_time is not None and run.end_time is None:
        run.end_time = state.timestamp
