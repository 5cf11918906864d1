"""Which rules apply to a transition, in which order: as tables to be read.

What lives here: for each policy its rules, each with the types of state that it governs leaving and entering. What
does not: what a rule says (task_rules.py, flow_rules.py, shared_rules.py), and what holds under every policy
(decide.py): a repeated request is recognised first, and a task run's slots are given back last.
"""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from interlock.orchestration.decision import Effect
from interlock.orchestration.deployment_slots import (
    UNDER_WAY,
    enforce_deployment_concurrency_on_late,
    secure_flow_concurrency_slots,
    validate_deployment_concurrency_at_running,
)
from interlock.orchestration.flow_rules import (
    bypass_cancelling_flow_runs_with_no_infra,
    enforce_cancelling_to_cancelled_transition,
    ensure_only_scheduled_flows_marked_late,
    handle_flow_terminal_state_transitions,
    handle_pausing_flows,
    handle_resuming_paused_flows,
    retry_failed_flows,
)
from interlock.orchestration.runs import TaskRun
from interlock.orchestration.shared_rules import (
    add_unknown_result,
    copy_scheduled_time,
    prevent_pending_transitions,
    wait_for_scheduled_time,
)
from interlock.orchestration.states import TERMINAL_TYPES, StateType
from interlock.orchestration.task_rules import (
    cache_insertion,
    cache_retrieval,
    copy_task_parameters_id,
    enqueue_scheduled_tasks,
    handle_task_terminal_state_transitions,
    prevent_running_tasks_from_stopped_flows,
    rename_reruns,
    retry_failed_tasks,
    secure_task_concurrency_slots,
    update_flow_run_tracker_on_tasks,
)
from interlock.orchestration.transition import FlowRule, TaskRule
from interlock.orchestration.work_queues import secure_work_slot

TaskConsequence = Callable[[TaskRun], Effect | None]
"""An effect of the state that a task run proposed. No rule puts another in the place of a state that has one."""

Governing = TypeVar("Governing")


class Entry(NamedTuple, Generic[Governing]):
    """A rule, or a consequence, and the transitions it governs: leaving one of these types, entering one of those."""

    rule: Governing
    leaving: frozenset[StateType | None]
    entering: frozenset[StateType]


Table = dict[StateType | None, dict[StateType, tuple[Governing, ...]]]
"""The rules that apply, by the type of state that is left (None: none yet) and the one that is entered."""


def _table(entries: tuple[Entry[Governing], ...]) -> Table[Governing]:
    return {
        left: {
            entered: tuple(entry.rule for entry in entries if left in entry.leaving and entered in entry.entering)
            for entered in StateType
        }
        for left in (None, *StateType)
    }


def _only(*types: StateType) -> frozenset[StateType]:
    return frozenset(types)


SCHEDULED, PENDING, RUNNING = StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING
COMPLETED, FAILED, CRASHED, CANCELLED = StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED
PAUSED, CANCELLING = StateType.PAUSED, StateType.CANCELLING

ANY = frozenset(StateType)
ANY_OR_NONE: frozenset[StateType | None] = ANY | {None}
ENDED = TERMINAL_TYPES
SUBMITTED = _only(PENDING, CANCELLING, RUNNING, CANCELLED)

CORE_TASK_RULES: tuple[Entry[TaskRule], ...] = (
    Entry(cache_retrieval, ANY_OR_NONE, _only(RUNNING)),
    Entry(handle_task_terminal_state_transitions, ENDED, ANY),
    Entry(prevent_running_tasks_from_stopped_flows, ANY_OR_NONE, _only(RUNNING)),
    Entry(secure_task_concurrency_slots, ANY_OR_NONE, _only(RUNNING)),
    Entry(copy_scheduled_time, _only(SCHEDULED), _only(PENDING)),
    Entry(wait_for_scheduled_time, _only(SCHEDULED, PENDING), _only(RUNNING)),
    Entry(retry_failed_tasks, _only(RUNNING), _only(FAILED)),
    Entry(rename_reruns, ANY_OR_NONE, _only(RUNNING)),
    Entry(update_flow_run_tracker_on_tasks, ANY_OR_NONE, _only(RUNNING)),
)
"""For a task run of a flow run."""

CORE_TASK_CONSEQUENCES: tuple[Entry[TaskConsequence], ...] = (Entry(cache_insertion, ANY_OR_NONE, _only(COMPLETED)),)

AUTONOMOUS_TASK_RULES: tuple[Entry[TaskRule], ...] = (
    Entry(prevent_pending_transitions, SUBMITTED, _only(PENDING)),
    *(entry for entry in CORE_TASK_RULES if entry.rule is not prevent_running_tasks_from_stopped_flows),
)
"""For a background task run, which has no flow run: no transition is forced on it."""

AUTONOMOUS_TASK_CONSEQUENCES: tuple[Entry[TaskConsequence], ...] = (
    *CORE_TASK_CONSEQUENCES,
    Entry(enqueue_scheduled_tasks, ANY_OR_NONE, _only(SCHEDULED)),
)

BACKGROUND_TASK_RULES: tuple[Entry[TaskRule], ...] = (
    *(entry for entry in AUTONOMOUS_TASK_RULES if entry.rule is not secure_task_concurrency_slots),
    Entry(copy_task_parameters_id, _only(SCHEDULED, PENDING), _only(PENDING, RUNNING)),
)
"""For a state that is marked as deferred: 3.x clients take slots themselves."""

MINIMAL_TASK_RULES: tuple[Entry[TaskRule], ...] = (Entry(add_unknown_result, _only(FAILED, CRASHED), _only(COMPLETED)),)
"""For a forced transition, and for the first state, of a task run of a flow run."""

CORE_FLOW_RULES: tuple[Entry[FlowRule], ...] = (
    Entry(handle_flow_terminal_state_transitions, ENDED, ANY),
    Entry(enforce_cancelling_to_cancelled_transition, _only(CANCELLED, CANCELLING), ANY - {CANCELLED}),
    Entry(bypass_cancelling_flow_runs_with_no_infra, _only(SCHEDULED, PAUSED), _only(CANCELLING)),
    Entry(prevent_pending_transitions, SUBMITTED, _only(PENDING)),
    Entry(validate_deployment_concurrency_at_running, _only(PENDING), _only(RUNNING)),
    Entry(secure_work_slot, ANY_OR_NONE - UNDER_WAY, _only(PENDING)),
    Entry(secure_flow_concurrency_slots, ANY_OR_NONE - UNDER_WAY, _only(PENDING)),
    Entry(ensure_only_scheduled_flows_marked_late, ANY_OR_NONE, _only(SCHEDULED)),
    Entry(handle_pausing_flows, ANY_OR_NONE, _only(PAUSED)),
    Entry(handle_resuming_paused_flows, _only(PAUSED), ANY),
    Entry(copy_scheduled_time, _only(SCHEDULED, PENDING), _only(PENDING)),
    Entry(wait_for_scheduled_time, _only(SCHEDULED, PENDING), _only(RUNNING)),
    Entry(retry_failed_flows, _only(RUNNING), _only(FAILED)),
)
"""For a flow run."""

MINIMAL_FLOW_RULES: tuple[Entry[FlowRule], ...] = (
    Entry(add_unknown_result, _only(FAILED, CRASHED), _only(COMPLETED)),
    Entry(bypass_cancelling_flow_runs_with_no_infra, _only(SCHEDULED, PAUSED), _only(CANCELLING)),
)
"""For a forced transition, and for the first state, of a flow run."""

LATE_MARKING_FLOW_RULES: tuple[Entry[FlowRule], ...] = (
    Entry(ensure_only_scheduled_flows_marked_late, ANY_OR_NONE, _only(SCHEDULED)),
    Entry(enforce_deployment_concurrency_on_late, _only(SCHEDULED), _only(SCHEDULED)),
)
"""For the service that marks flow runs late."""


class TaskPolicy(NamedTuple):
    """What governs a task run's transition, and what follows from it."""

    rules: Table[TaskRule]
    consequences: Table[TaskConsequence]


CORE_TASK_POLICY = TaskPolicy(_table(CORE_TASK_RULES), _table(CORE_TASK_CONSEQUENCES))
AUTONOMOUS_TASK_POLICY = TaskPolicy(_table(AUTONOMOUS_TASK_RULES), _table(AUTONOMOUS_TASK_CONSEQUENCES))
BACKGROUND_TASK_POLICY = TaskPolicy(_table(BACKGROUND_TASK_RULES), _table(AUTONOMOUS_TASK_CONSEQUENCES))
MINIMAL_TASK_POLICY = TaskPolicy(_table(MINIMAL_TASK_RULES), _table(()))

CORE_FLOW_POLICY = _table(CORE_FLOW_RULES)
MINIMAL_FLOW_POLICY = _table(MINIMAL_FLOW_RULES)
LATE_MARKING_FLOW_POLICY = _table(LATE_MARKING_FLOW_RULES)
