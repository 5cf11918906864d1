"""The rules that the model has for task runs and flow runs alike."""

from datetime import datetime, timedelta
from typing import Any

from tests.model.records import Outcome, Proposal, Run, State


def is_submitted_again(state: State, proposal: Proposal) -> bool:
    """A PENDING run that would be PENDING once more, and not under another name that tells how far it has come."""
    return state.type == "PENDING" and proposal.name in (None, "Pending", state.name)


def wait_until_due(state: State, now: datetime) -> Outcome | None:
    """A run with a scheduled time waits for it, to the nearest second; less than half a second is no wait."""
    due = state.details.get("scheduled_time")
    if due is None:
        return None
    # Rounded up from half a second less: a wait of 0.5 s is none, one of 1.5 s is one of 1.
    seconds = -((now - due + timedelta(seconds=0.5)) // timedelta(seconds=1))
    return Outcome("WAIT", delay=seconds) if seconds > 0 else None


def keeping_scheduled_time(proposal: Proposal, state: State) -> Proposal:
    """A scheduled run that goes pending keeps its time, unless it brings another."""
    if "scheduled_time" in proposal.details:
        return proposal
    return proposal.with_details(scheduled_time=state.details.get("scheduled_time"))


def awaiting_retry(failure: Proposal, now: datetime, delay: float) -> Proposal:
    """In the place of a failure with retries left."""
    due = {"scheduled_time": now + timedelta(seconds=delay)}
    return Proposal("SCHEDULED", "AwaitingRetry", failure.message, failure.data, due)


def may_retry(run: Run) -> bool:
    return run.retries is not None and run.run_count <= run.retries


def with_forced_result(run: Run, proposal: Proposal) -> Proposal:
    """A forced completion of a run that failed with a stored result has an unknown one."""
    left = run.state
    if left is None or left.type not in ("FAILED", "CRASHED") or proposal.type != "COMPLETED":
        return proposal
    if kind_of(left.data) != "reference":
        return proposal
    unknown = {"type": "unknown", "value": None}
    return Proposal(proposal.type, proposal.name, proposal.message, unknown, proposal.details)


def kind_of(data: Any) -> Any:
    """The type that state data declares."""
    return data.get("type") if isinstance(data, dict) else None
