"""The rules for task runs, and the consequences of their transitions.

What lives here: one function a rule, named as on the wire, which is asked before a state is written and answers as
told in transition.py; and the consequences, which are asked once it is certain that the proposed type of state is
written. What does not: their order, and between which states each applies (policies.py).
"""

import math
from datetime import timedelta

from msgspec.structs import replace

from interlock.orchestration.decision import (
    Abort,
    Enqueue,
    Reject,
    ReleaseSlots,
    RememberCacheKey,
    TakeSlot,
    Verdict,
    Wait,
)
from interlock.orchestration.facts import Moment, TagLimit, TaskFacts
from interlock.orchestration.runs import TaskRun, TaskRunPolicy
from interlock.orchestration.states import (
    TERMINAL_TYPES,
    UNPERSISTED,
    Proposal,
    State,
    StateDetails,
    StateType,
    data_type,
)
from interlock.orchestration.transition import TaskTransition, amended, renamed

AWAITING_RETRY = "AwaitingRetry"
RETRYING = "Retrying"
RERUNNING = "Rerunning"

NEVER_AFTER_THE_END = frozenset({StateType.CANCELLING, StateType.PAUSED, StateType.CRASHED})
"""Types of state that a run that ended can't go to."""

SLOT_HOLDING_TYPES = frozenset({StateType.RUNNING, StateType.CANCELLING})

FLOW_NOT_RUNNING = Abort("The enclosing flow must be running to begin task execution.")


def cache_retrieval(transition: TaskTransition, facts: TaskFacts, moment: Moment) -> Reject | None:
    """A run that is to start takes the state cached under its key instead, unless it asks for a fresh result."""
    cached, details = facts.cached, transition.proposal.details
    if cached is None or not details.cache_key or details.refresh_cache:
        return None
    taken = Proposal(type=cached.type, name="Cached", message=cached.message, data=cached.data, details=cached.details)
    return Reject("Retrieved state from cache", taken)


def handle_task_terminal_state_transitions(
    transition: TaskTransition, facts: TaskFacts, moment: Moment
) -> Verdict | TaskTransition | None:
    """A run that ended may start over, and then has all its retries again; with a kept result it may not."""
    ended, proposed = transition.current, transition.proposal.type
    if proposed in NEVER_AFTER_THE_END:
        return Abort(f"Run is already {ended.type.value}.")
    if is_complete_for_good(ended):
        return Reject("This run is already completed.")
    if proposed in TERMINAL_TYPES:
        return None
    again = replace(transition, run=replace(transition.run, run_count=0))
    if proposed is StateType.RUNNING and _is_flow_run_retry(transition.run, facts):
        return renamed(again, RETRYING)
    return again


def is_complete_for_good(state: State) -> bool:
    """Whether a run is completed with a result that is kept."""
    return state.type is StateType.COMPLETED and bool(state.data) and data_type(state.data) != UNPERSISTED


def _is_flow_run_retry(run: TaskRun, facts: TaskFacts) -> bool:
    return facts.flow_run is not None and run.flow_run_run_count < facts.flow_run.run_count


def prevent_running_tasks_from_stopped_flows(
    transition: TaskTransition, facts: TaskFacts, moment: Moment
) -> Verdict | None:
    """A task run starts only while its flow run is running; while that is paused, it is paused too."""
    flow_run = facts.flow_run
    if flow_run is None:
        return None
    if flow_run.state is None:
        return FLOW_NOT_RUNNING
    if flow_run.state.type is StateType.RUNNING:
        return None
    if flow_run.state.type is not StateType.PAUSED:
        return FLOW_NOT_RUNNING
    pause = flow_run.state.details
    details = StateDetails(pause_timeout=pause.pause_timeout, pause_reschedule=pause.pause_reschedule)
    return Reject(
        f"The flow is paused, new tasks can execute after resuming flow run: {flow_run.id}.",
        Proposal(type=StateType.PAUSED, name="NotReady", details=details),
    )


def secure_task_concurrency_slots(
    transition: TaskTransition, facts: TaskFacts, moment: Moment
) -> Verdict | TaskTransition | None:
    """A run starts only with a slot of every limit on its tags, and waits while one is full. It keeps what it holds.

    What its client has a lease of it need not wait for. Of several limits in its way, the last by the alphabet is the
    one it is told of.
    """
    limits = [x for x in facts.limits if x.active]
    if not limits:
        return None
    for limit in sorted(limits, key=_tag, reverse=True):
        if limit.limit == 0:
            return Abort(
                f'The concurrency limit on tag "{limit.tag}" is 0 and will deadlock if the task tries to run again.'
            )
        if limit.taken >= limit.limit and not (limit.held or limit.leased):
            return Wait(f"Concurrency limit for the {limit.tag} tag has been reached", facts.slot_wait_seconds)
    slots = tuple(TakeSlot(limit.tag, transition.run.id) for limit in limits if not limit.held)
    return replace(transition, effects=transition.effects + slots)


def _tag(limit: TagLimit) -> str:
    return limit.tag


def retry_failed_tasks(transition: TaskTransition, facts: TaskFacts, moment: Moment) -> Reject | None:
    """A run that fails with retries left is scheduled to run again, unless it says that a retry is no use."""
    run, failure = transition.run, transition.proposal
    policy = run.empirical_policy
    if failure.details.retriable is False or policy.retries is None or run.run_count > policy.retries:
        return None
    delay = timedelta(seconds=_retry_delay(policy, run.run_count, moment))
    return Reject("Retrying", awaiting_retry(failure, moment, delay))


def awaiting_retry(failure: Proposal, moment: Moment, delay: timedelta) -> Proposal:
    """The state of a run that failed and is to run again after `delay`."""
    return Proposal(
        type=StateType.SCHEDULED,
        name=AWAITING_RETRY,
        message=failure.message,
        data=failure.data,
        details=StateDetails(scheduled_time=moment.now + delay),
    )


def _retry_delay(policy: TaskRunPolicy, run_count: int, moment: Moment) -> float:
    """Seconds until the next attempt: from a list the entry of this attempt, or the last; with jitter where asked."""
    delay = policy.retry_delay or 0
    if not isinstance(delay, int | float):
        delay = delay[min(run_count - 1, len(delay) - 1)]
    if policy.retry_jitter_factor:
        return _with_jitter(delay, policy.retry_jitter_factor, moment.chance.random())
    return delay


def _with_jitter(mean: float, factor: float, random: float) -> float:
    """An exponentially distributed delay of at most `mean * (1 + factor)`, and at least so much that as many delays
    fall between the lower bound and the median as between the median and the upper bound."""
    ceiling = 1 + factor
    floor = -math.log2(1 - 2**-ceiling)
    above_floor, above_ceiling = math.exp(-floor), math.exp(-ceiling)
    share = above_floor - (above_floor - above_ceiling) * random
    return -math.log(max(share, 1e-10)) * mean


def rename_reruns(transition: TaskTransition, facts: TaskFacts, moment: Moment) -> TaskTransition | None:
    """A run that starts again is Retrying after a failure with retries left, and otherwise Rerunning."""
    if transition.run.run_count == 0:
        return None
    return renamed(transition, RETRYING if transition.current.name == AWAITING_RETRY else RERUNNING)


def update_flow_run_tracker_on_tasks(
    transition: TaskTransition, facts: TaskFacts, moment: Moment
) -> Abort | TaskTransition | None:
    """A run that starts notes which attempt of its flow run it belongs to."""
    run = transition.run
    if run.flow_run_id is None:
        return None
    if facts.flow_run is None:
        return Abort(
            f"Unable to read flow run associated with task run: {run.id}, this flow run might have been deleted"
        )
    if run.flow_run_run_count == facts.flow_run.run_count:
        return None
    return replace(transition, run=replace(run, flow_run_run_count=facts.flow_run.run_count))


def copy_task_parameters_id(transition: TaskTransition, facts: TaskFacts, moment: Moment) -> TaskTransition | None:
    """A background run keeps track of where its parameters are, unless it brings new ones."""
    given, kept = transition.proposal.details, transition.current.details.task_parameters_id
    if given.task_parameters_id is not None or kept is None:
        return None
    return amended(transition, details=replace(given, task_parameters_id=kept))


def cache_insertion(run: TaskRun) -> RememberCacheKey | None:
    """A completed state is kept for later runs that propose its cache key."""
    state = _state(run)
    if not state.details.cache_key:
        return None
    return RememberCacheKey(state.details.cache_key, state.details.cache_expiration, state)


def enqueue_scheduled_tasks(run: TaskRun) -> Enqueue:
    """A background run that is scheduled waits for a worker; one that is to be retried, ahead of the others."""
    state = _state(run)
    return Enqueue(run.id, run.task_key, state.details.scheduled_time, front=state.name == AWAITING_RETRY)


def release_task_concurrency_slots(run: TaskRun, facts: TaskFacts) -> ReleaseSlots | None:
    """A run that neither runs nor is being cancelled holds no slot."""
    if not facts.limits or _state(run).type in SLOT_HOLDING_TYPES:
        return None
    held = tuple(limit.tag for limit in facts.limits if limit.held)
    return ReleaseSlots(held, run.id) if held else None


def _state(run: TaskRun) -> State:
    """The state that was just written."""
    assert run.state is not None
    return run.state
