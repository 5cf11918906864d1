"""The model's rules for flow runs: what becomes of a proposal, told case by case.

What lives here: verdicts. What does not: what follows from a state that is written (ledger.py).
"""

from dataclasses import replace
from datetime import datetime

from tests.model.records import ABORT, ENDED, REJECT, FlowRun, Outcome, Proposal, State, accept, instead
from tests.model.shared_rules import (
    awaiting_retry,
    is_submitted_again,
    keeping_scheduled_time,
    may_retry,
    wait_until_due,
    with_forced_result,
)


def unprotected(run: FlowRun, proposal: Proposal) -> Outcome:
    """A forced transition, or the first state. What has nothing running is cancelled at once all the same."""
    if proposal.type == "CANCELLING" and run.state is not None and _has_nothing_running(run.state):
        return instead(Proposal("CANCELLED"))
    return accept(with_forced_result(run, proposal))


def _has_nothing_running(state: State) -> bool:
    """None of the model's runs has a process that could be told to stop."""
    if state.type == "SCHEDULED" or (state.type == "PAUSED" and state.name == "Resuming"):
        return True
    return state.type == "PAUSED" and bool(state.details.get("pause_reschedule"))


def protected(run: FlowRun, proposal: Proposal, now: datetime) -> Outcome:
    """An ordinary transition."""
    state, wanted = run.states[-1], proposal.type
    refusal = _at_the_end(run, state, wanted) or _in_cancellation(state, wanted)
    if refusal is not None:
        return refusal
    if wanted == "CANCELLING" and _has_nothing_running(state):
        return instead(Proposal("CANCELLED"))
    if wanted == "PENDING" and (state.type == "RUNNING" or is_submitted_again(state, proposal)):
        return ABORT
    if proposal.name == "Late" and wanted == "SCHEDULED" and state.type != "SCHEDULED":
        return REJECT
    if wanted == "PAUSED":
        return _pause(run, state, proposal)
    if state.type == "PAUSED":
        return replace(_resume(run, state, proposal, now), resumes=True)
    return _go_on(run, state, proposal, now)


def _at_the_end(run: FlowRun, state: State, wanted: str) -> Outcome | None:
    if not state.has_ended:
        return None
    if wanted in ("CANCELLING", "PAUSED", "CRASHED"):
        return ABORT
    if wanted in ENDED:
        return None
    if state.keeps_a_result:
        return REJECT
    return ABORT if wanted == "SCHEDULED" and run.deployment_id is None else None


def _in_cancellation(state: State, wanted: str) -> Outcome | None:
    return REJECT if state.type in ("CANCELLING", "CANCELLED") and wanted != "CANCELLED" else None


def _pause(run: FlowRun, state: State, proposal: Proposal) -> Outcome:
    key = proposal.details["pause_key"]
    if state.type != "RUNNING" or key in run.pause_keys:
        return REJECT
    suspends = proposal.details.get("pause_reschedule")
    if suspends and (run.parent_task_run_id is not None or run.deployment_id is None):
        return ABORT
    return replace(accept(proposal), pause_key=key)


def _resume(run: FlowRun, state: State, proposal: Proposal, now: datetime) -> Outcome:
    if proposal.type not in ENDED | {"RUNNING", "SCHEDULED"}:
        return REJECT
    if state.details.get("pause_reschedule") and run.deployment_id is None:
        return REJECT
    timeout = state.details.get("pause_timeout")
    if timeout is not None and timeout < now:
        message = f"The flow was {proposal.shown_name.lower()} and never resumed."
        return instead(Proposal("FAILED", message=message))
    return accept(proposal)


def _go_on(run: FlowRun, state: State, proposal: Proposal, now: datetime) -> Outcome:
    wanted = proposal.type
    if state.type in ("SCHEDULED", "PENDING") and wanted == "PENDING":
        return accept(keeping_scheduled_time(proposal, state))
    if state.type in ("SCHEDULED", "PENDING") and wanted == "RUNNING":
        return wait_until_due(state, now) or accept(proposal)
    if state.type == "RUNNING" and wanted == "FAILED" and may_retry(run):
        retry = instead(awaiting_retry(proposal, now, float(run.delay or 0)))
        return replace(retry, starts_over=True, retry_type="in_process")
    if state.has_ended and wanted not in ENDED:
        retry_type = "reschedule" if wanted == "SCHEDULED" else None
        return replace(accept(proposal), starts_over=True, retry_type=retry_type)
    return accept(proposal)
