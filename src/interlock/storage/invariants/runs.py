"""What holds for every run and its states, for task runs and for flow runs.

What lives here: what orchestration/bookkeeping.py guarantees of a run's row, told by the run's states, which are never
changed. What does not: what hangs on runs (records.py).

Two things are known to no state, and leave room: whether a transition was forced, which a run's count of attempts
depends on once it left a terminal state, and whether a client itself marked a flow run as resuming, in which case an
attempt less than expected is counted.

A task run whose states clients told of (orchestration/observed.py) counts, starts and ends as its client says, who may
have left something out. Of it there is known only which state it is in.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Subquery,
    Table,
    and_,
    case,
    exists,
    func,
    not_,
    or_,
    select,
)

from interlock.orchestration.states import TERMINAL_TYPES, StateType
from interlock.orchestration.task_rules import AWAITING_RETRY
from interlock.storage.expressions import microseconds_between
from interlock.storage.invariants.scan import Invariant, Scan
from interlock.storage.tables import flow_run_states, flow_runs, task_run_queue, task_run_states, task_runs

ROUNDING_MICROSECONDS = 500
"""How far a sum of seconds, which is kept as a floating-point number, may be from the sum of the states' times."""

ATTEMPTS_UNCOUNTED_BY_PAUSE = 2
"""A run that resumes counts no new attempt: neither the one that ends the pause, if it was refused one before, nor the
next."""

Condition = ColumnElement[bool]


def scans() -> list[Scan]:
    """Everything about runs, in two passes over each kind."""
    return [
        _rows_and_current_states(
            task_runs, task_run_states, "task_run_id", (_attempt_of_flow_run(), _background_run_is_queued())
        ),
        _rows_and_all_states(task_runs, task_run_states, "task_run_id"),
        _rows_and_current_states(
            flow_runs, flow_run_states, "flow_run_id", (_parent_is_there(), _parent_follows_subflow())
        ),
        _rows_and_all_states(flow_runs, flow_run_states, "flow_run_id"),
    ]


def _name(runs: Table, what: str) -> str:
    return f"{runs.name.removesuffix('s').replace('_', '-')}-{what}"


def _is_terminal(state_type: ColumnElement[Any]) -> Condition:
    return func.coalesce(state_type, "").in_(sorted(TERMINAL_TYPES))


def _differ(first: Condition, second: Condition) -> Condition:
    """Two conditions that are never NULL, of which one holds and one does not."""
    return or_(and_(first, not_(second)), and_(second, not_(first)))


def _rows_and_current_states(runs: Table, states: Table, owner: str, more: tuple[Invariant, ...]) -> Scan:
    run, state = runs.c, states.c
    is_current = and_(state.id.is_not(None), state[owner] == run.id)
    is_scheduled = func.coalesce(run.state_type, "") == StateType.SCHEDULED
    own = (
        Invariant(
            _name(runs, "state-missing"),
            "their current state does not exist, or is another run's",
            and_(run.state_id.is_not(None), not_(is_current)),
        ),
        Invariant(
            _name(runs, "state-copy"),
            "their rows repeat the type, name or time of the current state wrongly",
            and_(is_current, _repeats_wrongly(runs, states)),
        ),
        Invariant(
            _name(runs, "state-outdated"),
            "they have a newer state than the current one",
            and_(is_current, exists().where(_outdates(states.alias("newer"), states, owner))),
        ),
        Invariant(
            _name(runs, "without-state"),
            "they have no current state, and yet states, attempts or times",
            and_(run.state_id.is_(None), _has_lived(runs, states, owner)),
        ),
        Invariant(
            _name(runs, "expected-start"),
            "they have a state, and no expected start time",
            and_(
                run.state_id.is_not(None), run.expected_start_time.is_(None), not_(_is_told_of(run.id, states, owner))
            ),
        ),
        Invariant(
            _name(runs, "next-start"),
            "they are SCHEDULED for no time, or due without being SCHEDULED",
            and_(
                _differ(run.next_scheduled_start_time.is_not(None), is_scheduled),
                not_(_is_told_of(run.id, states, owner)),
            ),
        ),
    )
    return Scan(runs.outerjoin(states, state.id == run.state_id), run.id, own + more)


def _repeats_wrongly(runs: Table, states: Table) -> Condition:
    return or_(*(runs.c[f"state_{x}"].is_distinct_from(states.c[x]) for x in ("type", "name", "timestamp")))


def _has_lived(runs: Table, states: Table, owner: str) -> Condition:
    run, any_state = runs.c, states.alias("any_state")
    unset = ("state_type", "state_name", "state_timestamp", "start_time", "end_time", "expected_start_time")
    return or_(
        run.run_count != 0,
        run.total_run_time != 0,
        *(run[x].is_not(None) for x in unset),
        exists().where(any_state.c[owner] == run.id),
    )


def _later(later: FromClause, states: FromClause, owner: str) -> Condition:
    """Whether a state comes after another of the same run. Ids are ordered by time, which tells states of one instant
    apart."""
    new, old = later.c, states.c
    return and_(
        new[owner] == old[owner],
        new.timestamp >= old.timestamp,
        or_(new.timestamp > old.timestamp, new.id > old.id),
    )


def _outdates(newer: FromClause, states: FromClause, owner: str) -> Condition:
    """Whether a run should have gone on from a state to another. One of the same instant that a client tells of is no
    newer."""
    is_told_of = newer.c.transition_id.is_not_distinct_from(newer.c.id)
    return and_(_later(newer, states, owner), or_(newer.c.timestamp > states.c.timestamp, not_(is_told_of)))


def _is_told_of(run_id: ColumnElement[Any], states: Table, owner: str) -> Condition:
    """Whether a client told of a state of the run."""
    told = states.alias("told")
    return exists().where(told.c[owner] == run_id, told.c.transition_id == told.c.id)


def _rows_and_all_states(runs: Table, states: Table, owner: str) -> Scan:
    life = _lives(runs, states, owner)
    decided = life.c.told_of == 0
    own = [
        Invariant(
            _name(runs, "run-count"),
            "they count other attempts than their states tell of",
            and_(decided, _counts_wrongly(runs, life)),
        ),
        Invariant(
            _name(runs, "start-time"),
            "their start time is not that of their first RUNNING state",
            and_(decided, life.c.start_time.is_distinct_from(life.c.first_running)),
        ),
        Invariant(
            _name(runs, "end-time"),
            "they have an end time without having started and ended, or none, or one that their states contradict",
            and_(decided, _ends_wrongly(life, states.alias("ending"), owner)),
        ),
        Invariant(
            _name(runs, "total-run-time"),
            "their run time is not the sum of their times in RUNNING",
            and_(decided, func.abs(life.c.total_run_time * 1_000_000 - life.c.microseconds) > ROUNDING_MICROSECONDS),
        ),
    ]
    if runs is task_runs:
        own.append(_transition_is_made_once(life))
    return Scan(life, life.c.id, tuple(own))


def _lives(runs: Table, states: Table, owner: str) -> Subquery:
    """What each run says of itself beside what its states say."""
    kind, timestamp, later = states.c.type, states.c.timestamp, states.alias("later")
    left_at = select(later.c.timestamp).where(_later(later, states, owner)).order_by(later.c.timestamp).limit(1)
    is_running, is_terminal = kind == StateType.RUNNING, _is_terminal(kind)
    stay = microseconds_between(timestamp, left_at.scalar_subquery())
    own = ("id", "run_count", "start_time", "end_time", "total_run_time", "state_type", "state_timestamp")
    return (
        select(
            *(runs.c[x] for x in own),
            func.count().filter(is_running).label("attempts"),
            func.count().filter(kind == StateType.PAUSED).label("pauses"),
            func.min(timestamp).filter(is_running).label("first_running"),
            func.min(timestamp).filter(is_terminal).label("first_terminal"),
            func.max(timestamp).filter(not_(is_terminal)).label("last_unended"),
            func.coalesce(func.sum(case((is_running, stay))), 0).label("microseconds"),
            (func.count(states.c.transition_id) - func.count(states.c.transition_id.distinct())).label("repetitions"),
            func.count().filter(states.c.transition_id == states.c.id).label("told_of"),
        )
        .join_from(runs, states, states.c[owner] == runs.c.id)
        .group_by(runs.c.id)
        .subquery("life")
    )


def _counts_wrongly(runs: Table, life: Subquery) -> Condition:
    """A task run may start to count anew when it leaves a terminal state; a flow run never does, but may not count the
    attempts after a pause."""
    counted, attempts = life.c.run_count, life.c.attempts
    if runs is flow_runs:
        return not_(counted.between(attempts - ATTEMPTS_UNCOUNTED_BY_PAUSE * life.c.pauses, attempts))
    left_the_end = func.coalesce(life.c.last_unended >= life.c.first_terminal, False)
    return or_(counted > attempts, and_(counted < attempts, not_(left_the_end)))


def _ends_wrongly(life: Subquery, ending: FromClause, owner: str) -> Condition:
    has_ended = and_(_is_terminal(life.c.state_type), life.c.start_time.is_not(None))
    is_told_by_a_state = exists().where(
        ending.c[owner] == life.c.id, ending.c.timestamp == life.c.end_time, _is_terminal(ending.c.type)
    )
    return or_(
        _differ(life.c.end_time.is_not(None), has_ended),
        life.c.end_time < life.c.last_unended,
        and_(life.c.end_time != life.c.state_timestamp, not_(is_told_by_a_state)),
    )


def _transition_is_made_once(life: Subquery) -> Invariant:
    """A request that is sent again while its state is the current one makes no other, not even by force.

    Only the states that a parent task run takes over from its subflow, which can be forced twice, are made unasked.
    """
    first, second = task_run_states.alias("first"), task_run_states.alias("second")
    is_asked_for = second.c.state_details.not_like("%child_flow_run_id%")
    next_request = (
        select(case((is_asked_for, second.c.transition_id)))
        .where(_later(second, first, "task_run_id"))
        .order_by(second.c.timestamp, second.c.id)
        .limit(1)
        .scalar_subquery()
    )
    is_made_twice = exists().where(first.c.task_run_id == life.c.id, first.c.transition_id == next_request)
    return Invariant(
        "task-run-transition-twice",
        "one request gave them two states, one after the other",
        and_(life.c.repetitions > 0, is_made_twice),
    )


def _attempt_of_flow_run() -> Invariant:
    attempts = select(flow_runs.c.run_count).where(flow_runs.c.id == task_runs.c.flow_run_id).scalar_subquery()
    return Invariant(
        "task-run-flow-attempt",
        "they belong to an attempt that their flow run has not made",
        and_(
            task_runs.c.flow_run_run_count > 0,
            task_runs.c.flow_run_run_count > attempts,
            not_(_is_told_of(task_runs.c.id, task_run_states, "task_run_id")),
        ),
    )


def _background_run_is_queued() -> Invariant:
    """A retry that the rules decided on is not put into the queue: whoever ran the task waits for it. So does who tells
    of a state that is not deferred."""
    current = task_run_states.c
    is_queued = exists().where(task_run_queue.c.task_run_id == task_runs.c.id, task_run_queue.c.taken.is_(False))
    is_waited_for = and_(current.transition_id == current.id, not_(is_deferred(current.state_details)))
    return Invariant(
        "background-run-unqueued",
        "they are SCHEDULED without a flow run, and no worker would be given them",
        and_(
            task_runs.c.flow_run_id.is_(None),
            task_runs.c.state_type == StateType.SCHEDULED,
            task_runs.c.state_name != AWAITING_RETRY,
            not_(is_queued),
            not_(func.coalesce(is_waited_for, False)),
        ),
    )


def is_deferred(details: ColumnElement[Any]) -> Condition:
    """Whether a state says that it is for a worker of background tasks."""
    return details.like('%"deferred":true%')


def _parent_is_there() -> Invariant:
    parent = exists().where(task_runs.c.id == flow_runs.c.parent_task_run_id)
    return Invariant(
        "subflow-parent-missing",
        "their parent task run does not exist",
        and_(flow_runs.c.parent_task_run_id.is_not(None), not_(parent)),
    )


def _parent_follows_subflow() -> Invariant:
    """A parent task run takes every state of its subflow at the same instant. A background run can refuse it, and one
    that a client told of may be ahead of this server's clock."""
    in_a_flow = exists().where(task_runs.c.id == flow_runs.c.parent_task_run_id, task_runs.c.flow_run_id.is_not(None))
    followed = exists().where(
        task_run_states.c.task_run_id == flow_runs.c.parent_task_run_id,
        task_run_states.c.timestamp == flow_runs.c.state_timestamp,
    )
    return Invariant(
        "subflow-unfollowed",
        "their parent task run did not take their current state",
        and_(
            flow_runs.c.parent_task_run_id.is_not(None),
            flow_runs.c.state_id.is_not(None),
            in_a_flow,
            not_(followed),
            not_(_is_told_of(flow_runs.c.parent_task_run_id, task_run_states, "task_run_id")),
        ),
    )
