"""States that clients tell of: clients of the 3.x line decide on the states of their task runs themselves.

What lives here: what becomes of the run. No rule is asked and nothing is refused. What does not: which run a state
belongs to (batch.py), and how such a state arrives (api/events.py).

Every state is kept. The run's own values are what its client said with the newest of them: what it did not say stays,
and what it said to be nothing is nothing. Source: the peer's recorder of task runs.
"""

from msgspec.structs import replace

from interlock.orchestration.commands import RecordTaskRunState
from interlock.orchestration.decision import Effect, ReleaseSlots, TaskDecision
from interlock.orchestration.facts import Moment, RecordFacts, TagLimit
from interlock.orchestration.refusals import ConflictError
from interlock.orchestration.runs import TaskRun
from interlock.orchestration.states import State, StateType
from interlock.orchestration.task_rules import SLOT_HOLDING_TYPES, enqueue_scheduled_tasks


def draft_of(command: RecordTaskRunState, *, knows_flow_run: bool) -> TaskRun:
    """The run as its client describes it.

    A run whose flow run is not known is kept without one. As its keys tell it apart within its flow run only, they
    name that too, until a state of it arrives when its flow run is known.
    """
    draft = command.run
    if knows_flow_run:
        return draft
    return replace(draft, flow_run_id=None, dynamic_key=f"{draft.flow_run_id}/{draft.dynamic_key}")


def record_task_run_state(command: RecordTaskRunState, facts: RecordFacts, moment: Moment) -> TaskDecision:
    """Keep the state, unless it is kept already, and where it is the run's newest, move the run to it."""
    before = facts.run
    if facts.is_known:
        if before is None:
            raise ConflictError(f"state {command.state.id} is another run's")
        return TaskDecision(run=before, state=before.state)
    state = _timed(_of_run(command.state, before or command.run))
    if before is not None and not _is_newer(state, before.state):
        return TaskDecision(run=before, state=before.state, stale=state)
    run = replace(_described(command, facts, moment), state=state, updated=moment.now)
    return _moved(before, run, state, facts.limits)


def _of_run(state: State, run: TaskRun) -> State:
    return replace(state, transition_id=state.id, details=replace(state.details, task_run_id=run.id))


def _timed(state: State) -> State:
    """A state that is SCHEDULED for no time in particular is for the time it tells of."""
    if state.type is not StateType.SCHEDULED or state.details.scheduled_time is not None:
        return state
    return replace(state, details=replace(state.details, scheduled_time=state.timestamp))


def _is_newer(state: State, than: State | None) -> bool:
    return than is None or state.timestamp > than.timestamp


def _described(command: RecordTaskRunState, facts: RecordFacts, moment: Moment) -> TaskRun:
    """The run with all that its client says of it."""
    draft = draft_of(command, knows_flow_run=facts.knows_flow_run)
    if facts.run is None:
        return replace(draft, created=moment.now)
    said = {x: getattr(draft, x) for x in command.said}
    if facts.may_take_keys:
        said |= {"flow_run_id": draft.flow_run_id, "task_key": draft.task_key, "dynamic_key": draft.dynamic_key}
    return replace(facts.run, **said)


def _moved(before: TaskRun | None, run: TaskRun, state: State, limits: tuple[TagLimit, ...]) -> TaskDecision:
    effects: list[Effect] = []
    lost = tuple(x.tag for x in limits if x.held and not _may_hold(run, state, x.tag))
    if lost:
        effects.append(ReleaseSlots(lost, run.id))
    if state.type is StateType.SCHEDULED and state.details.deferred:
        # What is due is found by this.
        run = replace(run, next_scheduled_start_time=state.details.scheduled_time)
        effects.append(enqueue_scheduled_tasks(run))
    return TaskDecision(
        run=run, written=True, created=before is None, rewritten=True, state=state, effects=tuple(effects)
    )


def _may_hold(run: TaskRun, state: State, tag: str) -> bool:
    """Whether a slot of the tag's limit, which the run held before, stays its own."""
    return state.type in SLOT_HOLDING_TYPES and tag in run.tags
