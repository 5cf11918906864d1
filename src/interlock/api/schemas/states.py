"""States on the wire, the answers of set_state, and history.

What lives here: proposals in, states and verdicts out. What does not: how they are decided (orchestration/).
"""

from typing import Annotated, Any

from fastapi import Body as body
from pydantic import Field

from interlock.api.schemas.base import Answer, Body, Id, StrictBody, Text, Timestamp, json_bytes
from interlock.orchestration.decision import Abort, Accept, FlowDecision, Reject, TaskDecision, Verdict, Wait
from interlock.orchestration.states import Proposal, State, StateDetails, StateType


class StateDetailsBody(Body):
    """Details that a client proposes; the ids of runs among them are the server's to fill in."""

    flow_run_id: Id | None = None
    task_run_id: Id | None = None
    child_flow_run_id: Id | None = None
    scheduled_time: Timestamp | None = None
    cache_key: Text | None = None
    cache_expiration: Timestamp | None = None
    deferred: bool | None = None
    untrackable_result: bool = False
    pause_timeout: Timestamp | None = None
    pause_reschedule: bool = False
    pause_key: Text | None = None
    run_input_keyset: dict[str, Text] | None = None
    refresh_cache: bool | None = None
    retriable: bool | None = None
    transition_id: Id | None = None
    task_parameters_id: Id | None = None
    traceparent: Text | None = None
    deployment_concurrency_lease_id: Id | None = None

    def details(self) -> StateDetails:
        """The record for the decision core."""
        return StateDetails(**self.__dict__)


class StateBody(StrictBody):
    """A state that a client proposes. Its `id` and `timestamp` are accepted and ignored."""

    type: StateType
    name: Text | None = None
    message: Text | None = None
    data: Any = None
    state_details: StateDetailsBody = Field(default_factory=StateDetailsBody)
    timestamp: Timestamp | None = None
    id: Id | None = None

    def proposal(self) -> Proposal:
        """The record for the decision core."""
        return Proposal(
            type=self.type,
            name=self.name,
            message=self.message,
            data=self.data,
            details=self.state_details.details(),
        )


Force = Annotated[bool, body(description="Skip the rules that would alter or refuse the transition.")]


class SetStateBody(Body):
    """The body of set_state."""

    state: StateBody
    force: bool = False


class StateDetailsAnswer(Answer):
    flow_run_id: Id | None = None
    task_run_id: Id | None = None
    child_flow_run_id: Id | None = None
    scheduled_time: Timestamp | None = None
    cache_key: str | None = None
    cache_expiration: Timestamp | None = None
    deferred: bool | None = None
    untrackable_result: bool = False
    pause_timeout: Timestamp | None = None
    pause_reschedule: bool = False
    pause_key: str | None = None
    run_input_keyset: dict[str, str] | None = None
    refresh_cache: bool | None = None
    retriable: bool | None = None
    transition_id: Id | None = None
    task_parameters_id: Id | None = None
    traceparent: str | None = None
    deployment_concurrency_lease_id: Id | None = None


class StateAnswer(Answer):
    """A state that a run is or was in."""

    id: Id
    type: StateType
    name: str
    timestamp: Timestamp
    message: str | None
    data: Any
    state_details: StateDetailsAnswer


class TransitionDetails(Answer):
    """What goes with a verdict: `type` names it; ABORT and WAIT have a reason, WAIT how many seconds to wait."""

    type: str
    reason: str | None = None
    delay_seconds: int | None = None


class TransitionAnswer(Answer):
    """The answer of set_state: the state the run is in afterwards, the verdict, and its reason."""

    state: StateAnswer | None
    status: str
    details: TransitionDetails


def encode_state(state: State | None) -> dict[str, Any] | None:
    """A state in the wire's spelling, ready for JSON."""
    if state is None:
        return None
    return {
        "id": state.id,
        "type": state.type.value,
        "name": state.name,
        "timestamp": state.timestamp,
        "message": state.message,
        "data": state.data,
        "state_details": encode_details(state.details),
    }


def encode_details(x: StateDetails) -> dict[str, Any]:
    """A state's details in the wire's spelling, ready for JSON."""
    return {
        "flow_run_id": x.flow_run_id,
        "task_run_id": x.task_run_id,
        "child_flow_run_id": x.child_flow_run_id,
        "scheduled_time": x.scheduled_time,
        "cache_key": x.cache_key,
        "cache_expiration": x.cache_expiration,
        "deferred": x.deferred,
        "untrackable_result": x.untrackable_result,
        "pause_timeout": x.pause_timeout,
        "pause_reschedule": x.pause_reschedule,
        "pause_key": x.pause_key,
        "run_input_keyset": x.run_input_keyset,
        "refresh_cache": x.refresh_cache,
        "retriable": x.retriable,
        "transition_id": x.transition_id,
        "task_parameters_id": x.task_parameters_id,
        "traceparent": x.traceparent,
        "deployment_concurrency_lease_id": x.deployment_concurrency_lease_id,
    }


def encode_decision(decision: TaskDecision | FlowDecision) -> bytes:
    """The answer of set_state as JSON."""
    status, details = encode_verdict(decision.verdict)
    return json_bytes({"state": encode_state(decision.state), "status": status, "details": details})


def encode_verdict(verdict: Verdict) -> tuple[str, dict[str, Any]]:
    """A verdict as the wire's `status` and `details`."""
    match verdict:
        case Accept():
            return "ACCEPT", {"type": "accept_details"}
        case Reject(reason):
            return "REJECT", {"type": "reject_details", "reason": reason}
        case Wait(reason, delay_seconds):
            return "WAIT", {"type": "wait_details", "delay_seconds": delay_seconds, "reason": reason}
        case Abort(reason):
            return "ABORT", {"type": "abort_details", "reason": reason}
