"""The decisions: a run and a command in, the run's new values and the answer out.

What lives here: the four entry points, and the choice of the policy. What does not: the rules (task_rules.py,
flow_rules.py, shared_rules.py), their order (policies.py) and the values that follow from a new state (bookkeeping.py).
"""

from collections.abc import Iterator

from msgspec.structs import replace

from interlock.orchestration import bookkeeping
from interlock.orchestration.commands import CreateFlowRun, CreateTaskRun, SetFlowRunState, SetTaskRunState
from interlock.orchestration.decision import Abort, Effect, FlowDecision, Ruling, TaskDecision
from interlock.orchestration.deployment_slots import release_flow_concurrency_slots, with_lease
from interlock.orchestration.facts import FlowFacts, Moment, TaskFacts
from interlock.orchestration.policies import (
    AUTONOMOUS_TASK_POLICY,
    BACKGROUND_TASK_POLICY,
    CORE_FLOW_POLICY,
    CORE_TASK_POLICY,
    LATE_MARKING_FLOW_POLICY,
    MINIMAL_FLOW_POLICY,
    MINIMAL_TASK_POLICY,
    Table,
    TaskConsequence,
    TaskPolicy,
)
from interlock.orchestration.runs import FlowRun, TaskRun
from interlock.orchestration.shared_rules import REPEATED, repeats
from interlock.orchestration.states import Proposal, State
from interlock.orchestration.task_rules import release_task_concurrency_slots
from interlock.orchestration.transition import ApiVersion, FlowRule, FlowTransition, TaskTransition, govern

MOVED_ON = Abort("The run has moved on.")
REPETITION = Ruling(by=repeats.__name__)


def create_task_run(command: CreateTaskRun, facts: TaskFacts, moment: Moment) -> TaskDecision:
    """Put a new task run in its first state.

    The rules for background runs may keep one from it: it is then created without a state.
    """
    run = replace(command.run, created=moment.now, updated=moment.now)
    return replace(_force_task_run(run, command.proposal, facts, moment), created=True)


def set_task_run_state(run: TaskRun, command: SetTaskRunState, facts: TaskFacts, moment: Moment) -> TaskDecision:
    """Decide whether, and how, a task run moves to the proposed state. A repeated request is answered as the first."""
    if repeats(run.state, command.proposal, facts):
        return TaskDecision(run=run, verdict=REPEATED, ruling=REPETITION, state=run.state)
    if _has_moved_on(run, command):
        return TaskDecision(run=run, verdict=MOVED_ON, state=run.state)
    if command.force or _is_background(run, command.proposal):
        return _force_task_run(run, command.proposal, facts, moment)
    return _move_task_run(run, command.proposal, CORE_TASK_POLICY, facts, moment)


def _has_moved_on(run: TaskRun | FlowRun, command: SetTaskRunState | SetFlowRunState) -> bool:
    return command.only_from is not None and (run.state is None or run.state.id != command.only_from)


def _force_task_run(run: TaskRun, proposal: Proposal, facts: TaskFacts, moment: Moment) -> TaskDecision:
    policy = BACKGROUND_TASK_POLICY if proposal.details.deferred else AUTONOMOUS_TASK_POLICY
    if not _is_background(run, proposal):
        policy = MINIMAL_TASK_POLICY
    return _move_task_run(run, proposal, policy, facts, moment)


def _is_background(run: TaskRun, proposal: Proposal) -> bool:
    """2.x clients have background runs without a flow run, and 3.x ones mark their states."""
    return run.flow_run_id is None or proposal.details.deferred is True


def _move_task_run(
    run: TaskRun, proposal: Proposal, policy: TaskPolicy, facts: TaskFacts, moment: Moment
) -> TaskDecision:
    left = None if run.state is None else run.state.type
    proposed = TaskTransition(run=run, initial=run.state, proposal=bookkeeping.timed(proposal, moment.now))
    transition = govern(proposed, policy.rules[left][proposal.type], facts, moment)
    if not transition.is_written:
        unmoved = bookkeeping.unmoved_task_run(transition, moment.now)
        return TaskDecision(run=unmoved, verdict=transition.verdict, ruling=transition.ruling, state=run.state)
    state = bookkeeping.next_task_state(transition, proposal.details.transition_id, moment)
    moved = bookkeeping.moved_task_run(transition, state)
    return TaskDecision(
        run=moved,
        verdict=transition.verdict,
        ruling=transition.ruling,
        written=True,
        state=state,
        effects=transition.effects + _effects(moved, policy.consequences[left][proposal.type], facts),
    )


def _effects(run: TaskRun, consequences: tuple[TaskConsequence, ...], facts: TaskFacts) -> tuple[Effect, ...]:
    found = [consequence(run) for consequence in consequences]
    found.append(release_task_concurrency_slots(run, facts))
    return tuple(effect for effect in found if effect is not None)


def create_flow_run(command: CreateFlowRun, facts: FlowFacts, moment: Moment) -> FlowDecision:
    """Put a new flow run in its first state, where one is proposed."""
    run = replace(command.run, created=moment.now, updated=moment.now)
    if command.proposal is None:
        return FlowDecision(run=run, created=True)
    decision = _move_flow_run(_proposed(run, command.proposal, command.api_version), MINIMAL_FLOW_POLICY, facts, moment)
    return replace(decision, created=True)


def set_flow_run_state(run: FlowRun, command: SetFlowRunState, facts: FlowFacts, moment: Moment) -> FlowDecision:
    """Decide whether, and how, a flow run moves to the proposed state, and which task runs move with it.

    A repeated request is answered as the first. Some refusals change the run although they write no state
    (bookkeeping.unmoved_flow_run).
    """
    if repeats(run.state, command.proposal, facts):
        return FlowDecision(run=run, verdict=REPEATED, ruling=REPETITION, state=run.state)
    if _has_moved_on(run, command):
        return FlowDecision(run=run, verdict=MOVED_ON, state=run.state)
    policy = LATE_MARKING_FLOW_POLICY if command.marking_late else CORE_FLOW_POLICY
    if command.force:
        policy = MINIMAL_FLOW_POLICY
    proposed = replace(_proposed(run, command.proposal, command.api_version), terms=command.slot_terms)
    return _move_flow_run(proposed, policy, facts, moment)


def _proposed(run: FlowRun, proposal: Proposal, api_version: ApiVersion | None) -> FlowTransition:
    return FlowTransition(run=run, initial=run.state, proposal=proposal, api_version=api_version)


def _move_flow_run(proposed: FlowTransition, policy: Table[FlowRule], facts: FlowFacts, moment: Moment) -> FlowDecision:
    run, proposal = proposed.run, proposed.proposal
    left = None if run.state is None else run.state.type
    timed = replace(proposed, proposal=bookkeeping.timed(proposal, moment.now))
    transition = govern(with_lease(timed, facts), policy[left][proposal.type], facts, moment)
    if not transition.is_written:
        unmoved = bookkeeping.unmoved_flow_run(transition, moment.now)
        return FlowDecision(run=unmoved, verdict=transition.verdict, ruling=transition.ruling, state=run.state)
    if facts.lease is not None:
        # What a rule puts in the place of the proposed state names it as well.
        transition = with_lease(transition, facts)
    state = bookkeeping.next_flow_state(transition, proposal.details.transition_id, moment)
    moved = bookkeeping.moved_flow_run(transition, state)
    return FlowDecision(
        run=moved,
        verdict=transition.verdict,
        ruling=transition.ruling,
        written=True,
        state=state,
        followers=(*_retried_task_runs(transition, facts, moment), *_parent_task_run(state, facts, moment)),
        effects=transition.effects + release_flow_concurrency_slots(transition, state, facts),
    )


def _retried_task_runs(transition: FlowTransition, facts: FlowFacts, moment: Moment) -> Iterator[TaskDecision]:
    """The failed task runs of a flow run that is retried: scheduled for the same time, with all their retries again."""
    if not transition.retries_task_runs:
        return
    proposal = replace(transition.proposal, message=None, data=None)
    for run, task_facts in facts.failed_task_runs:
        decision = _force_task_run(run, proposal, task_facts, moment.after(run.state))
        yield replace(decision, run=replace(decision.run, run_count=0))


def _parent_task_run(state: State, facts: FlowFacts, moment: Moment) -> Iterator[TaskDecision]:
    """The task run that stands for a subflow in its parent flow run: it takes the same state."""
    if facts.parent is None:
        return
    proposal = Proposal(
        type=state.type,
        name=state.name,
        message=state.message,
        data=state.data,
        details=replace(state.details, child_flow_run_id=state.details.flow_run_id),
    )
    parent, task_facts = facts.parent
    yield _force_task_run(parent, proposal, task_facts, moment.after(parent.state))
