"""Words for these tests: runs in a state, proposals, facts and moments, with all that doesn't matter filled in."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from interlock.orchestration import decide
from interlock.orchestration.batch import Limit
from interlock.orchestration.commands import CreateFlowRun, CreateTaskRun, SetFlowRunState, SetTaskRunState
from interlock.orchestration.decision import FlowDecision, TaskDecision
from interlock.orchestration.facts import Chance, FlowFacts, Moment, TagLimit, TaskFacts
from interlock.orchestration.global_limits import GlobalLimit
from interlock.orchestration.runs import FlowRun, TaskRun
from interlock.orchestration.states import Proposal, State, StateDetails, StateType, default_name
from interlock.orchestration.transition import FlowTransition, TaskTransition

SCHEDULED, PENDING, RUNNING = StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING
COMPLETED, FAILED, CRASHED, CANCELLED = StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED
PAUSED, CANCELLING = StateType.PAUSED, StateType.CANCELLING
TERMINAL = (COMPLETED, FAILED, CRASHED, CANCELLED)

NOW = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)
REFERENCE = {"type": "reference", "storage_key": "k"}
UNPERSISTED = {"type": "unpersisted"}


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def a_chance(random: float = 0.5) -> Chance:
    """Ids counted up, and always the same random number."""
    counter = itertools.count(1)
    return Chance(new_id=lambda: f"id-{next(counter)}", random=lambda: random)


def a_moment(seconds: float = 0, random: float = 0.5) -> Moment:
    return Moment(later(seconds), a_chance(random))


def propose(
    kind: StateType, name: str | None = None, *, message: str | None = None, data: Any = None, **details: Any
) -> Proposal:
    return Proposal(type=kind, name=name, message=message, data=data, details=StateDetails(**details))


def a_state(
    kind: StateType,
    name: str | None = None,
    *,
    at: float = 0,
    data: Any = None,
    transition_id: str | None = None,
    **details: Any,
) -> State:
    return State(
        id="state",
        type=kind,
        name=default_name(kind) if name is None else name,
        timestamp=later(at),
        data=data,
        details=StateDetails(**details),
        transition_id=transition_id,
    )


def a_task_run(state: State | StateType | None = None, **fields: Any) -> TaskRun:
    """A task run of the flow run "flow-run"; a background run with flow_run_id=None."""
    values = {"id": "task-run", "name": "run", "task_key": "key", "dynamic_key": "0", "flow_run_id": "flow-run"}
    values |= {"created": NOW, "updated": NOW, "state": a_state(state) if isinstance(state, StateType) else state}
    return TaskRun(**values | fields)


def a_flow_run(state: State | StateType | None = None, **fields: Any) -> FlowRun:
    values = {"id": "flow-run", "name": "run", "flow_id": "flow", "created": NOW, "updated": NOW}
    values |= {"state": a_state(state) if isinstance(state, StateType) else state}
    return FlowRun(**values | fields)


def in_flow_run(state: State | StateType | None = RUNNING, **fields: Any) -> TaskFacts:
    """The facts for a task run of a flow run in this state."""
    return TaskFacts(flow_run=a_flow_run(state, **{"run_count": 1} | fields))


def a_limit(tag: str, holders: set[str] | None = None, **fields: Any) -> Limit:
    """The limit of a tag, of one slot unless told otherwise, and the runs that hold its slots by transitions."""
    values: dict[str, Any] = {"id": tag, "name": f"tag:{tag}", "created": NOW, "updated": NOW, "limit": 1}
    values |= {"active": True, "active_slots": 0, "denied_slots": 0}
    values |= {"slot_decay_per_second": 0.0, "avg_slot_occupancy_seconds": 2.0}
    return Limit(GlobalLimit(**values | fields), holders or set())


def limited(*limits: TagLimit) -> TaskFacts:
    return TaskFacts(flow_run=a_flow_run(RUNNING, run_count=1), limits=limits)


def task_transition(run: TaskRun, proposal: Proposal) -> TaskTransition:
    return TaskTransition(run=run, initial=run.state, proposal=proposal)


def flow_transition(run: FlowRun, proposal: Proposal, **fields: Any) -> FlowTransition:
    return FlowTransition(run=run, initial=run.state, proposal=proposal, **fields)


def set_task(
    run: TaskRun,
    proposal: Proposal,
    facts: TaskFacts | None = None,
    *,
    force: bool = False,
    moment: Moment | None = None,
) -> TaskDecision:
    command = SetTaskRunState(task_run_id=run.id, proposal=proposal, force=force)
    return decide.set_task_run_state(run, command, facts or in_flow_run(), moment or a_moment())


def create_task(run: TaskRun, proposal: Proposal, facts: TaskFacts | None = None, at: float = 0) -> TaskDecision:
    return decide.create_task_run(CreateTaskRun(run=run, proposal=proposal), facts or in_flow_run(), a_moment(at))


def set_flow(
    run: FlowRun, proposal: Proposal, facts: FlowFacts | None = None, *, at: float = 0, **fields: Any
) -> FlowDecision:
    command = SetFlowRunState(flow_run_id=run.id, proposal=proposal, **fields)
    return decide.set_flow_run_state(run, command, facts or FlowFacts(), a_moment(at))


def create_flow(run: FlowRun, proposal: Proposal | None, facts: FlowFacts | None = None, at: float = 0) -> FlowDecision:
    return decide.create_flow_run(CreateFlowRun(run=run, proposal=proposal), facts or FlowFacts(), a_moment(at))
