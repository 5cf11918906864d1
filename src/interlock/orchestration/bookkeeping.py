"""What follows for a run from a state that is written: the state itself, times, counts and marks.

What lives here: pure functions from a governed transition to the new state and to the run's values. What does not:
whether the state is written at all (the rules).
"""

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from interlock.orchestration.facts import Moment
from interlock.orchestration.runs import FlowRun, TaskRun
from interlock.orchestration.states import (
    NO_LABEL,
    UNPERSISTED,
    ArtifactLabel,
    Proposal,
    State,
    StateDetails,
    StateType,
    data_type,
)
from interlock.orchestration.transition import FlowTransition, TaskTransition

LABEL_FIELDS = ("artifact_key", "artifact_type", "artifact_description")
"""What a client puts beside its data about the artifact that keeps it: it goes to the artifact, not into the state."""


def timed(proposal: Proposal, now: datetime) -> Proposal:
    """The proposal, where it is SCHEDULED for no time in particular, for now."""
    if proposal.type is not StateType.SCHEDULED or proposal.details.scheduled_time is not None:
        return proposal
    return replace(proposal, details=replace(proposal.details, scheduled_time=now))


def next_task_state(transition: TaskTransition, transition_id: str | None, moment: Moment) -> State:
    """The state that a task run's transition leads to. `transition_id` is the one of the request."""
    run = transition.run
    details = replace(transition.proposal.details, flow_run_id=run.flow_run_id, task_run_id=run.id)
    return _next_state(transition.proposal, details, transition_id, moment)


def next_flow_state(transition: FlowTransition, transition_id: str | None, moment: Moment) -> State:
    """The state that a flow run's transition leads to. `transition_id` is the one of the request."""
    run = transition.run
    details = replace(transition.proposal.details, flow_run_id=run.id)
    if run.parent_task_run_id is not None:
        details = replace(details, task_run_id=run.parent_task_run_id)
    return _next_state(transition.proposal, details, transition_id, moment)


def _next_state(proposal: Proposal, details: StateDetails, transition_id: str | None, moment: Moment) -> State:
    data, label = _labelled(proposal.data)
    return State(
        id=moment.chance.new_id(),
        type=proposal.type,
        name=proposal.state_name,
        timestamp=moment.now,
        message=proposal.message,
        data=data,
        details=details,
        transition_id=transition_id,
        label=label,
    )


def _labelled(data: Any) -> tuple[Any, ArtifactLabel]:
    """Data that is to be kept, without what it says about its artifact, and that."""
    if not isinstance(data, dict) or data_type(data) == UNPERSISTED or not any(x in data for x in LABEL_FIELDS):
        return data, NO_LABEL
    key, kind, description = (_text(data.get(x)) for x in LABEL_FIELDS)
    return (
        {key: value for key, value in data.items() if key not in LABEL_FIELDS},
        ArtifactLabel(key=key, type=kind, description=description),
    )


def _text(value: Any) -> str | None:
    return str(value) if value else None


def moved_task_run(transition: TaskTransition, state: State) -> TaskRun:
    """A task run's values once it has gone to `state`."""
    run = transition.run
    changes = _changes(run, state)
    if state.type is StateType.RUNNING:
        changes["run_count"] = run.run_count + 1
    return replace(run, **changes)


def unmoved_task_run(transition: TaskTransition, now: datetime) -> TaskRun:
    """A task run that stays in its state. A change that was undone still counts as an update."""
    return replace(transition.run, updated=now) if transition.is_undone else transition.run


def moved_flow_run(transition: FlowTransition, state: State) -> FlowRun:
    """A flow run's values once it has gone to `state`. A run that resumes counts no new attempt."""
    run = transition.run
    changes = _changes(run, state)
    resumes = run.empirical_policy.resuming and transition.knows_pauses
    if state.type is StateType.RUNNING and not resumes:
        changes["run_count"] = run.run_count + 1
    if transition.is_resuming:
        changes["empirical_policy"] = replace(run.empirical_policy, resuming=True)
    elif resumes and (state.type is StateType.RUNNING or state.is_terminal):
        changes["empirical_policy"] = replace(run.empirical_policy, resuming=False)
    return replace(run, **changes)


def unmoved_flow_run(transition: FlowTransition, now: datetime) -> FlowRun:
    """A flow run that stays in its state. One that may not leave its pause is marked as resuming all the same."""
    run = transition.run
    if transition.is_resuming and not run.empirical_policy.resuming:
        return replace(run, updated=now, empirical_policy=replace(run.empirical_policy, resuming=True))
    return replace(run, updated=now) if transition.is_undone else run


def _changes(run: TaskRun | FlowRun, state: State) -> dict[str, Any]:
    """The values that task runs and flow runs have in common and that follow from going to `state`.

    A scheduled time keeps the offset with which it came, as the answer to a creation shows it; stored, it is UTC.
    """
    before, now = run.state, state.timestamp
    changes: dict[str, Any] = {"state": _stored(state), "updated": now}
    if state.type is StateType.RUNNING and run.start_time is None:
        changes["start_time"] = now
    if state.is_terminal:
        if run.start_time is not None and run.end_time is None:
            changes["end_time"] = now
    elif before is not None and before.is_terminal:
        changes["end_time"] = None
    if before is not None and before.type is StateType.RUNNING:
        changes["total_run_time"] = run.total_run_time + (now - before.timestamp).total_seconds()
    scheduled = state.details.scheduled_time if state.type is StateType.SCHEDULED else None
    if run.expected_start_time is None:
        changes["expected_start_time"] = scheduled or now
    if scheduled is not None or (before is not None and before.type is StateType.SCHEDULED):
        changes["next_scheduled_start_time"] = scheduled
    return changes


def _stored(state: State) -> State:
    """The state as it is stored: without data that says it is not persisted; an empty text or list is kept as {}."""
    data = state.data
    if data_type(data) == UNPERSISTED:
        return replace(state, data=None)
    if isinstance(data, str | list) and not data:
        return replace(state, data={})
    return state
