"""The decisions: a run and a command in, the run's new values and the answer out.

What lives here: the four entry points. What does not: the rules (task_rules.py, flow_rules.py), their order
(policies.py) and the values that follow from an accepted transition (bookkeeping.py).
"""

from interlock.orchestration.commands import CreateFlowRun, CreateTaskRun, SetFlowRunState, SetTaskRunState
from interlock.orchestration.decision import FlowDecision, TaskDecision
from interlock.orchestration.facts import FlowFacts, Moment, TaskFacts
from interlock.orchestration.runs import FlowRun, TaskRun


def create_task_run(command: CreateTaskRun, facts: TaskFacts, moment: Moment) -> TaskDecision:
    """Put a new task run in its first state."""
    raise NotImplementedError


def set_task_run_state(run: TaskRun, command: SetTaskRunState, facts: TaskFacts, moment: Moment) -> TaskDecision:
    """Decide whether, and how, a task run moves to the proposed state."""
    raise NotImplementedError


def create_flow_run(command: CreateFlowRun, facts: FlowFacts, moment: Moment) -> FlowDecision:
    """Put a new flow run in its first state, where one is proposed."""
    raise NotImplementedError


def set_flow_run_state(run: FlowRun, command: SetFlowRunState, facts: FlowFacts, moment: Moment) -> FlowDecision:
    """Decide whether, and how, a flow run moves to the proposed state."""
    raise NotImplementedError
