"""The slots of a deployment's limit that its flow runs hold.

What lives here: the rules that give a run its slot, and when it gives it back. What does not: the arithmetic of slots
(global_limits.py) and of leases (concurrency_leases.py), and the other rules for flow runs (flow_rules.py).

A run takes its slot when it goes PENDING, so that no worker makes ready for a run that has to wait, and holds it by a
lease. The id of the lease goes from state to state: 3.x clients renew the lease while the run is under way, so that the
slot of one that died comes free by itself. For clients that don't, the lease lasts as long as the run is under way.
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from interlock.orchestration import concurrency_leases
from interlock.orchestration.concurrency_leases import LASTING, Holder, Lease
from interlock.orchestration.decision import Abort, Accept, EndLease, FlowEffect, LeaseSlot, Reject, RenewLease
from interlock.orchestration.facts import DeploymentLimit, FlowFacts, Moment
from interlock.orchestration.global_limits import can_give
from interlock.orchestration.states import Proposal, State, StateType
from interlock.orchestration.task_rules import AWAITING_RETRY
from interlock.orchestration.transition import FlowTransition, amended

AWAITING_SLOT = "AwaitingConcurrencySlot"
REACHED = "Deployment concurrency limit reached."
UNDER_WAY = frozenset({StateType.PENDING, StateType.RUNNING, StateType.CANCELLING})


def secure_flow_concurrency_slots(
    transition: FlowTransition, facts: FlowFacts, moment: Moment
) -> Abort | Reject | FlowTransition | None:
    """A run is submitted only with a slot of its deployment's limit. Without one it waits, or is cancelled, as the
    deployment would have it; where there can never be one, its worker is told to leave it."""
    limit = facts.limit
    if limit is None or facts.lease is not None:
        return None
    if limit.limit.limit == 0:
        return Abort("The deployment concurrency limit is 0. The flow will deadlock if submitted again.")
    granted = _leased(transition, limit, _first_lease(transition, limit, moment), moment)
    return granted or _without_slot(transition, limit, moment)


def _without_slot(transition: FlowTransition, limit: DeploymentLimit, moment: Moment) -> Reject:
    if limit.cancels_new:
        return Reject(REACHED, Proposal(type=StateType.CANCELLED, message=REACHED))
    due = moment.now + timedelta(seconds=transition.terms.wait_seconds)
    waiting = Proposal(type=StateType.SCHEDULED, name=AWAITING_SLOT)
    return Reject(REACHED, replace(waiting, details=replace(waiting.details, scheduled_time=due)))


def _first_lease(transition: FlowTransition, limit: DeploymentLimit, moment: Moment) -> datetime:
    """Until when a run may take to begin, or to renew its lease."""
    seconds = transition.terms.lease_seconds if limit.grace_seconds is None else limit.grace_seconds
    return moment.now + timedelta(seconds=seconds)


def _leased(
    transition: FlowTransition, limit: DeploymentLimit, expires: datetime, moment: Moment
) -> FlowTransition | None:
    """The transition with a new lease of a slot, None where there is none left."""
    grant = concurrency_leases.grant([limit.limit], 1, moment.now)
    if grant is None:
        return None
    lease = Lease(moment.chance.new_id(), moment.now, expires, Holder("flow_run", transition.run.id))
    leased = replace(transition, effects=(*transition.effects, LeaseSlot(lease, grant)))
    return _naming(leased, lease.id)


def _naming(transition: FlowTransition, lease_id: str | None) -> FlowTransition:
    details = replace(transition.proposal.details, deployment_concurrency_lease_id=lease_id)
    return amended(transition, details=details)


def validate_deployment_concurrency_at_running(
    transition: FlowTransition, facts: FlowFacts, moment: Moment
) -> Reject | FlowTransition | None:
    """A run that begins still has its slot: one that took too long to begin gets another, or is cancelled, since what
    was made ready for it can't wait."""
    if transition.current.details.deployment_concurrency_lease_id is None:
        return None
    if facts.limit is None:
        # The limit is gone, so there is nothing to hold, and nothing that a client should renew.
        return None if facts.lease is not None else _naming(transition, None)
    expires = _first_lease(transition, facts.limit, moment) if transition.terms.renews else LASTING
    if facts.lease is not None:
        renewed = RenewLease(facts.lease.id, expires)
        return replace(transition, effects=(*transition.effects, renewed))
    lost = Proposal(
        type=StateType.CANCELLED,
        message="Deployment concurrency slot lost during provisioning - no slots available to continue execution",
    )
    return _leased(transition, facts.limit, expires, moment) or Reject(
        "Deployment concurrency limit reached after lease expiry.", lost
    )


def enforce_deployment_concurrency_on_late(
    transition: FlowTransition, facts: FlowFacts, moment: Moment
) -> Reject | None:
    """A run that nobody takes up is cancelled instead of being late, where its deployment has none wait for a slot and
    there is none."""
    limit = facts.limit
    if transition.proposal.name != "Late" or limit is None or not limit.cancels_new:
        return None
    if can_give(limit.limit, 1, moment.now):
        return None
    reason = "Deployment concurrency limit is full and uses the CANCEL_NEW strategy."
    return Reject(reason, Proposal(type=StateType.CANCELLED, message=REACHED))


def with_lease(transition: FlowTransition, facts: FlowFacts) -> FlowTransition:
    """The transition to a state that names the lease of the one before, which clients leave out. A run that runs is
    told of no lease that has ended: its client would fail to renew it."""
    named = None if transition.initial is None else transition.initial.details.deployment_concurrency_lease_id
    proposal = transition.proposal
    if named is None or proposal.details.deployment_concurrency_lease_id is not None:
        return transition
    if facts.lease is None and proposal.type is StateType.RUNNING:
        return transition
    return _naming(transition, named)


def release_flow_concurrency_slots(
    transition: FlowTransition, state: State, facts: FlowFacts
) -> tuple[FlowEffect, ...]:
    """The lease ends when the run is no longer under way."""
    if facts.lease is None or _keeps_slot(transition, state):
        return ()
    return (EndLease(facts.lease.id, state.timestamp),)


def _keeps_slot(transition: FlowTransition, state: State) -> bool:
    """A pause in which its process waits, and a retry that the process makes itself, leave a run under way."""
    if state.type is StateType.PAUSED:
        return not state.details.pause_reschedule
    if state.type is StateType.SCHEDULED and state.name == AWAITING_RETRY:
        return not isinstance(transition.verdict, Accept)
    return state.type in UNDER_WAY
