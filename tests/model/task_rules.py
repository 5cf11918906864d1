"""The model's rules for task runs: what becomes of a proposal, told case by case.

What lives here: verdicts. What does not: what follows from a state that is written (ledger.py). The server has the same
rules as tables and small functions; here they are written down a second time, as plain conditions.
"""

from dataclasses import replace

from tests.model.records import ABORT, ENDED, REJECT, Facts, FlowRun, Limit, Outcome, Proposal, TaskRun, accept, instead
from tests.model.shared_rules import (
    awaiting_retry,
    is_submitted_again,
    keeping_scheduled_time,
    may_retry,
    wait_until_due,
    with_forced_result,
)

SLOT_WAIT_SECONDS = 30


def unprotected(run: TaskRun, proposal: Proposal) -> Outcome:
    """A forced transition of a task run in a flow run, or its first state."""
    return accept(with_forced_result(run, proposal))


def protected(run: TaskRun, proposal: Proposal, facts: Facts) -> Outcome:
    """An ordinary transition, or any of a background run."""
    left, wanted, cached = run.type, proposal.type, facts.cached
    if run.flow_run_id is None and wanted == "PENDING":
        is_taken = left in ("RUNNING", "CANCELLING", "CANCELLED")
        if is_taken or (run.state is not None and is_submitted_again(run.state, proposal)):
            return ABORT
    if wanted == "RUNNING" and cached is not None and not proposal.details.get("refresh_cache"):
        return instead(Proposal(cached.type, "Cached", cached.message, cached.data, cached.details))
    if left in ENDED:
        if wanted in ("CANCELLING", "PAUSED", "CRASHED"):
            return ABORT
        if run.states[-1].keeps_a_result:
            return REJECT
    starts_over = left in ENDED and wanted not in ENDED
    if wanted == "RUNNING":
        return _start(run, proposal, facts, starts_over)
    if left == "SCHEDULED" and wanted == "PENDING":
        return accept(keeping_scheduled_time(proposal, run.states[-1]))
    if left == "RUNNING" and wanted == "FAILED" and may_retry(run) and proposal.details.get("retriable") is not False:
        return instead(awaiting_retry(proposal, facts.now, _delay(run)))
    return replace(accept(proposal), starts_over=starts_over)


def _delay(run: TaskRun) -> float:
    if isinstance(run.delay, list):
        return float(run.delay[min(run.run_count, len(run.delay)) - 1])
    return float(run.delay or 0)


def _start(run: TaskRun, proposal: Proposal, facts: Facts, starts_over: bool) -> Outcome:
    refusal = _flow_run_not_running(facts.flow_run) or _no_slot(run, facts.limits)
    if refusal is None and run.type in ("SCHEDULED", "PENDING"):
        refusal = wait_until_due(run.states[-1], facts.now)
    if refusal is not None:
        return refusal
    named = replace(proposal, name=_name_of_start(run, proposal, facts.flow_run, starts_over))
    return Outcome("ACCEPT", named, starts_over=starts_over, takes_slots=True)


def _flow_run_not_running(flow_run: FlowRun | None) -> Outcome | None:
    if flow_run is None or flow_run.type == "RUNNING":
        return None
    if flow_run.type != "PAUSED":
        return ABORT
    pause = flow_run.states[-1].details
    kept = {name: pause[name] for name in ("pause_timeout", "pause_reschedule") if name in pause}
    return instead(Proposal("PAUSED", "NotReady", details=kept))


def _no_slot(run: TaskRun, limits: dict[str, Limit]) -> Outcome | None:
    """Of several limits in the way, the last by the alphabet decides."""
    for tag in sorted(limits, reverse=True):
        limit = limits[tag]
        if limit.size == 0:
            return ABORT
        if run.id not in limit.holders and len(limit.holders) >= limit.size:
            return Outcome("WAIT", delay=SLOT_WAIT_SECONDS)
    return None


def _name_of_start(run: TaskRun, proposal: Proposal, flow_run: FlowRun | None, starts_over: bool) -> str | None:
    if starts_over:
        behind = flow_run is not None and run.flow_run_run_count < flow_run.run_count
        return "Retrying" if behind else proposal.name
    if run.run_count == 0:
        return proposal.name
    return "Retrying" if run.states[-1].name == "AwaitingRetry" else "Rerunning"
