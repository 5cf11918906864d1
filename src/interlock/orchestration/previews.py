"""What a proposed state would lead to: the decision as it would be made now, and all that would follow from it.

What lives here: a decision put into the words of whoever asks "what would happen, and why?". What does not: the
decision itself, which is the one of every transition (batch.py, decide.py), and who carries it out (storage/ledger.py).
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

import msgspec

from interlock.orchestration.batch import HeldLease, WorkingSet, decide_one
from interlock.orchestration.commands import SetFlowRunState, SetTaskRunState
from interlock.orchestration.concurrency_leases import LASTING, Share
from interlock.orchestration.decision import (
    Effect,
    EndLease,
    Enqueue,
    FlowDecision,
    FlowEffect,
    LeaseSlot,
    ReleaseSlots,
    RememberCacheKey,
    RenewLease,
    TakeSlot,
    TaskDecision,
)
from interlock.orchestration.facts import Moment
from interlock.orchestration.global_limits import TAG_PREFIX
from interlock.orchestration.policies import (
    AUTONOMOUS_TASK_RULES,
    BACKGROUND_TASK_RULES,
    CORE_FLOW_RULES,
    CORE_TASK_RULES,
    MINIMAL_FLOW_RULES,
    MINIMAL_TASK_RULES,
    Entry,
)
from interlock.orchestration.runs import FlowRun, TaskRun
from interlock.orchestration.shared_rules import repeats
from interlock.orchestration.states import State
from interlock.orchestration.task_queue import QueueChange, queue_change
from interlock.orchestration.work_queues import is_busy

OutcomeKind = Literal[
    "slot_taken",
    "slot_kept",
    "slot_freed",
    "work_slot_taken",
    "work_slot_freed",
    "cache_key_remembered",
    "queued",
    "dequeued",
    "task_run_moved",
    "result_kept",
]
"""Slots are those of concurrency limits; work slots those that a flow run takes of its work queue and its work pool."""

_ENTRIES: tuple[Entry[Any], ...] = (
    *CORE_TASK_RULES,
    *AUTONOMOUS_TASK_RULES,
    *BACKGROUND_TASK_RULES,
    *MINIMAL_TASK_RULES,
    *CORE_FLOW_RULES,
    *MINIMAL_FLOW_RULES,
)
RULE_TEXTS = {x.rule.__name__: " ".join((x.rule.__doc__ or "").split()) for x in _ENTRIES} | {
    repeats.__name__: "A request that was carried out before, and comes again because its answer got lost, is answered "
    "with the state that the run is in."
}
"""What each rule says, by its name."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Something that would be written beside the state of the run.

    `run_id` is the run it happens to: the one that was asked about, or a task run that moves with it, `state` then the
    one it moves to. `name` is that of the concurrency limit, the work queue's id, the cache key or the task's key.
    `until` is when a slot or a cache entry expires, or when a queued run is due; None where it has no such time.
    """

    kind: OutcomeKind
    run_id: str
    name: str | None = None
    until: datetime | None = None
    state: State | None = None


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The run as it is, the decision, and what would be written with it."""

    before: TaskRun | FlowRun
    decision: TaskDecision | FlowDecision
    outcomes: tuple[Outcome, ...]


def preview(command: SetTaskRunState | SetFlowRunState, facts: WorkingSet, moment: Moment) -> Preview:
    """Decide, and tell what would follow; nothing is applied. Raises a Refusal as the decision does."""
    decision = decide_one(command, facts, moment)
    if isinstance(decision, TaskDecision):
        before = facts.task_runs[decision.run.id]
        return Preview(before=before, decision=decision, outcomes=tuple(_of_task(decision, facts)))
    assert isinstance(decision, FlowDecision)
    run = facts.flow_runs[decision.run.id]
    return Preview(before=run, decision=decision, outcomes=tuple(_of_flow(run, decision, facts)))


def _of_task(decision: TaskDecision, facts: WorkingSet) -> Iterator[Outcome]:
    run = decision.run
    for effect in decision.effects:
        yield from _of_effect(effect)
    if not decision.written or run.state is None:
        return
    if not decision.enqueues and queue_change(run, facts.task_runs[run.id]) is QueueChange.DONE:
        yield Outcome(kind="dequeued", run_id=run.id, name=run.task_key)
    if run.state.data is not None:
        yield Outcome(kind="result_kept", run_id=run.id)


def _of_effect(effect: Effect) -> Iterator[Outcome]:
    match effect:
        case TakeSlot(tag, task_run_id):
            yield Outcome(kind="slot_taken", run_id=task_run_id, name=f"{TAG_PREFIX}{tag}")
        case ReleaseSlots(tags, task_run_id):
            for tag in tags:
                yield Outcome(kind="slot_freed", run_id=task_run_id, name=f"{TAG_PREFIX}{tag}")
        case RememberCacheKey(cache_key, expiration, state):
            run_id = state.details.task_run_id or ""
            yield Outcome(kind="cache_key_remembered", run_id=run_id, name=cache_key, until=expiration)
        case Enqueue(task_run_id, task_key, due):
            yield Outcome(kind="queued", run_id=task_run_id, name=task_key, until=due)


def _of_flow(before: FlowRun, decision: FlowDecision, facts: WorkingSet) -> Iterator[Outcome]:
    run = decision.run
    for effect in decision.effects:
        yield from _of_flow_effect(effect, run.id, facts)
    if run.work_queue_id is not None and is_busy(before) != is_busy(run):
        kind: OutcomeKind = "work_slot_taken" if is_busy(run) else "work_slot_freed"
        yield Outcome(kind=kind, run_id=run.id, name=run.work_queue_id)
    if decision.written and run.state is not None and run.state.data is not None:
        yield Outcome(kind="result_kept", run_id=run.id)
    for follower in decision.followers:
        if follower.written:
            yield Outcome(kind="task_run_moved", run_id=follower.run.id, state=follower.run.state)
        yield from _of_task(follower, facts)


def _of_flow_effect(effect: FlowEffect, run_id: str, facts: WorkingSet) -> Iterator[Outcome]:
    match effect:
        case LeaseSlot(lease, grant):
            yield from _shares("slot_taken", grant.shares, run_id, facts, lease.expires)
        case RenewLease(lease_id, expires):
            yield from _shares("slot_kept", _held(lease_id, facts).shares, run_id, facts, expires)
        case EndLease(lease_id):
            yield from _shares("slot_freed", _held(lease_id, facts).shares, run_id, facts)


def _held(lease_id: str, facts: WorkingSet) -> HeldLease:
    return facts.leases[lease_id]


def _shares(
    kind: OutcomeKind, shares: tuple[Share, ...], run_id: str, facts: WorkingSet, until: datetime | None = None
) -> Iterator[Outcome]:
    for share in shares:
        name = facts.limits_by_id[share.limit_id].record.name
        yield Outcome(kind=kind, run_id=run_id, name=name, until=None if until == LASTING else until)
