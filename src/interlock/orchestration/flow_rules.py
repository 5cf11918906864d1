"""The rules for flow runs.

What lives here: one function a rule, named as on the wire, which is asked before a state is written and answers as
told in transition.py. What does not: their order, and between which states each applies (policies.py).
"""

from datetime import timedelta

from msgspec.structs import replace

from interlock.orchestration.decision import Abort, Reject, Verdict
from interlock.orchestration.facts import FlowFacts, Moment
from interlock.orchestration.runs import FlowRun
from interlock.orchestration.states import TERMINAL_TYPES, Proposal, StateType
from interlock.orchestration.task_rules import NEVER_AFTER_THE_END, awaiting_retry, is_complete_for_good
from interlock.orchestration.transition import FlowTransition

TASK_RETRIES_API_VERSION = (0, 8, 3)
"""Clients below this version leave it to the server to reschedule the failed task runs of a flow run they retry."""

SUSPENDED = "Suspended"
RESUMING = "Resuming"

TYPES_AFTER_A_PAUSE = TERMINAL_TYPES | {StateType.RUNNING, StateType.SCHEDULED}


def handle_flow_terminal_state_transitions(
    transition: FlowTransition, facts: FlowFacts, moment: Moment
) -> Verdict | FlowTransition | None:
    """A run that ended may start over, with its pauses forgotten; with a kept result, or to a time without a
    deployment, it may not."""
    ended, proposed, run = transition.current, transition.proposal.type, transition.run
    if proposed in NEVER_AFTER_THE_END:
        return Abort(f"Run is already in terminal state {ended.type.value}.")
    if proposed in TERMINAL_TYPES:
        return None
    if is_complete_for_good(ended):
        return Reject("Run is already COMPLETED.")
    if proposed is StateType.SCHEDULED and run.deployment_id is None:
        return Abort("Cannot reschedule a run without an associated deployment.")
    if not transition.knows_pauses:
        return None
    return replace(transition, run=_starting_over(run, "reschedule" if proposed is StateType.SCHEDULED else None))


def _starting_over(run: FlowRun, retry_type: str | None) -> FlowRun:
    policy = replace(run.empirical_policy, resuming=False, pause_keys=(), retry_type=retry_type)
    return replace(run, empirical_policy=policy)


def enforce_cancelling_to_cancelled_transition(transition: FlowTransition, facts: FlowFacts, moment: Moment) -> Reject:
    """A run that is being cancelled, or was, becomes nothing but cancelled."""
    return Reject("Cannot transition flows that are cancelling to a state other than Cancelled.")


def bypass_cancelling_flow_runs_with_no_infra(
    transition: FlowTransition, facts: FlowFacts, moment: Moment
) -> Reject | None:
    """A run that has nothing running for it is cancelled at once, instead of being asked to stop."""
    current = transition.current
    is_unstarted = current.type is StateType.SCHEDULED and not transition.run.infrastructure_pid
    if is_unstarted or current.name == RESUMING:
        return _cancelled("Scheduled flow run has no infrastructure to terminate.")
    if current.type is StateType.PAUSED and current.details.pause_reschedule:
        return _cancelled("Suspended flow run has no infrastructure to terminate.")
    return None


def _cancelled(reason: str) -> Reject:
    return Reject(reason, Proposal(type=StateType.CANCELLED))


def ensure_only_scheduled_flows_marked_late(
    transition: FlowTransition, facts: FlowFacts, moment: Moment
) -> Reject | None:
    """Only a run that still waits for its time can be late."""
    if transition.proposal.name != "Late":
        return None
    if transition.initial is not None and transition.initial.type is StateType.SCHEDULED:
        return None
    return Reject("Only scheduled flows can be marked late.")


def handle_pausing_flows(transition: FlowTransition, facts: FlowFacts, moment: Moment) -> Verdict | FlowTransition:
    """A run pauses only while it is running, and once for each pause key; only a deployed one can be suspended."""
    run, proposal = transition.run, transition.proposal
    verb = _verb(proposal)
    if transition.initial is None:
        return Abort(f"Cannot {verb} flows with no state.")
    if transition.initial.type is not StateType.RUNNING:
        return Reject(f"Cannot {verb} flows that are not currently running.")
    key = proposal.details.pause_key
    if key is None:
        key = moment.chance.new_id()
    fired = run.empirical_policy.pause_keys or ()
    if key in fired:
        return Reject(f"This {verb} has already fired.")
    if proposal.details.pause_reschedule:
        if run.parent_task_run_id:
            return Abort(f"Cannot {verb} subflows.")
        if run.deployment_id is None:
            return Abort(f"Cannot {verb} flows without a deployment.")
    policy = replace(run.empirical_policy, pause_keys=(*fired, key))
    return replace(transition, run=replace(run, empirical_policy=policy))


def _verb(proposal: Proposal) -> str:
    return "suspend" if proposal.name == SUSPENDED else "pause"


def handle_resuming_paused_flows(transition: FlowTransition, facts: FlowFacts, moment: Moment) -> FlowTransition:
    """A paused run goes on, is scheduled or ends, in time, and if it was suspended only with a deployment.

    Whatever the answer, the run is marked as resuming from here on.
    """
    verdict = _refuse_to_resume(transition, moment)
    resuming = replace(transition, is_resuming=True)
    if verdict is None:
        return resuming
    return replace(resuming, verdict=verdict, proposal=verdict.proposal or transition.proposal)


def _refuse_to_resume(transition: FlowTransition, moment: Moment) -> Reject | None:
    paused, proposal = transition.current, transition.proposal
    if proposal.type not in TYPES_AFTER_A_PAUSE:
        return Reject(
            f"This run cannot transition to the StateType.{proposal.type.value} state"
            f" from the StateType.{paused.type.value} state."
        )
    name = proposal.state_name.lower()
    if paused.details.pause_reschedule and not transition.run.deployment_id:
        return Reject(f"Cannot reschedule a {name} flow run without a deployment.")
    timeout = paused.details.pause_timeout
    if timeout is not None and timeout < moment.now:
        return Reject(
            f"The flow run {_verb(proposal)} has timed out and can no longer resume.",
            Proposal(type=StateType.FAILED, message=f"The flow was {name} and never resumed."),
        )
    return None


def retry_failed_flows(transition: FlowTransition, facts: FlowFacts, moment: Moment) -> FlowTransition | None:
    """A run that fails with retries left is scheduled to run again, with its pauses forgotten.

    For clients too old to do it themselves, its failed task runs are scheduled along with it.
    """
    run, failure = transition.run, transition.proposal
    policy = run.empirical_policy
    if policy.retries is None or run.run_count > policy.retries:
        return None
    retry = awaiting_retry(failure, moment, timedelta(seconds=policy.retry_delay or 0))
    version = transition.api_version
    return replace(
        transition,
        run=_starting_over(run, "in_process") if transition.knows_pauses else run,
        verdict=Reject("Retrying", retry),
        proposal=retry,
        retries_task_runs=version is not None and version < TASK_RETRIES_API_VERSION,
    )
