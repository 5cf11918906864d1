"""The rules that task runs and flow runs share. What a rule may answer is told in transition.py."""

from datetime import timedelta

from msgspec.structs import replace

from interlock.orchestration.decision import Abort, Reject, Wait
from interlock.orchestration.facts import FlowFacts, Moment, TaskFacts
from interlock.orchestration.states import Proposal, State, StateType, data_type, default_name
from interlock.orchestration.transition import TransitionT, amended

Facts = TaskFacts | FlowFacts

REPEATED = Reject("This run has already made this state transition.")

UNKNOWN_RESULT = {
    "type": "unknown",
    "artifact_type": "result",
    "artifact_description": "Unknown result persisted to Prefect.",
    "value": None,
}

MICROSECOND = timedelta(microseconds=1)


def repeats(state: State | None, proposal: Proposal, facts: Facts) -> bool:
    """Whether a proposal is a request that was carried out before, and is sent again because its answer got lost: the
    one that led to the state the run is in, whichever that is, or to an earlier one."""
    transition_id = proposal.details.transition_id
    made_this = transition_id is not None and state is not None and state.transition_id == transition_id
    return made_this or facts.repeated


def prevent_pending_transitions(transition: TransitionT, facts: Facts, moment: Moment) -> Abort | None:
    """A run that is pending, running or being cancelled is not submitted a second time. One that is pending may say how
    far it has come, by another name, as 3.x clients do."""
    if transition.current.type is StateType.PENDING:
        name = transition.proposal.state_name
        if name not in (transition.current.name, default_name(StateType.PENDING)):
            return None
    return Abort(f"This run is in a {transition.current.type.value} state and cannot transition to a PENDING state.")


def copy_scheduled_time(transition: TransitionT, facts: Facts, moment: Moment) -> TransitionT | None:
    """A run that goes pending, or on from there, keeps the time that it was scheduled for, unless it brings another."""
    scheduled_time = transition.current.details.scheduled_time
    if transition.proposal.details.scheduled_time is not None:
        return None
    return amended(transition, details=replace(transition.proposal.details, scheduled_time=scheduled_time))


def wait_for_scheduled_time(transition: TransitionT, facts: Facts, moment: Moment) -> Wait | None:
    """A run doesn't start before its scheduled time: until then it is told how long to wait, in whole seconds."""
    scheduled_time = transition.current.details.scheduled_time
    if scheduled_time is None:
        return None
    delay_seconds = _whole_seconds(scheduled_time - moment.now)
    if delay_seconds <= 0:
        return None
    return Wait("Scheduled time is in the future", delay_seconds)


def _whole_seconds(delay: timedelta) -> int:
    """Rounded to the nearest second, half a second down."""
    return (delay // MICROSECOND + 499_999) // 1_000_000


def add_unknown_result(transition: TransitionT, facts: Facts, moment: Moment) -> TransitionT | None:
    """A run that failed with a stored result, and is forced to be complete, has a result that is not known."""
    if data_type(transition.current.data) != "reference":
        return None
    return amended(transition, data=UNKNOWN_RESULT)
