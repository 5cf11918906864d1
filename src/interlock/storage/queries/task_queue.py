"""The rows of the queue of background task runs: who is given which, and what goes back.

What lives here: leases, and what becomes of them when a worker or its server is gone. What does not: putting runs in
and taking them out (ledger.py, in the transaction of the transition), the choice of worker (orchestration/
task_queue.py), and who is connected (task_workers.py).

A worker's lease is the row's `worker_id`. Of the runs leased to one worker and not yet taken, all but the one delivered
last were acknowledged, since it is given the next only after that: so an acknowledgement need not be written down.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Integer,
    and_,
    bindparam,
    case,
    column,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from interlock.orchestration.runs import TaskRun
from interlock.orchestration.states import State, StateType
from interlock.orchestration.task_queue import Waiting, assign
from interlock.storage import rows
from interlock.storage.expressions import among, members, unindexed
from interlock.storage.prepared import BulkUpdate, Prepared
from interlock.storage.store import one_change
from interlock.storage.tables import IS_WAITING, task_run_states, task_runs, task_workers
from interlock.storage.tables import task_run_queue as queue
from interlock.storage.types import Id, JsonText, Keys, Text, UtcTime

_KEY = members(bindparam("keys", type_=JsonText)).table_valued("value").c.value
_NOW = bindparam("now", type_=UtcTime)
_IS_DUE = queue.c.available <= _NOW


def _count(front: ColumnElement[bool]) -> Any:
    """How many runs of the key can be delivered now; not more than could be of use."""
    found = (
        select(literal(1).label("one"))
        .where(queue.c.task_key == _KEY, front, IS_WAITING, _IS_DUE)
        .limit(bindparam("most", type_=Integer))
        .correlate(_KEY.table)
        .subquery()
    )
    return select(func.count()).select_from(found).scalar_subquery()


def _next(front: ColumnElement[bool]) -> Any:
    """When the next run of the key can be delivered that can't be yet."""
    return (
        select(func.min(queue.c.available))
        .where(queue.c.task_key == _KEY, front, IS_WAITING, queue.c.available > _NOW)
        .correlate(_KEY.table)
        .scalar_subquery()
    )


_IN_FRONT, _BEHIND = queue.c.front.is_(True), queue.c.front.is_(False)
_READY = Prepared(select(_KEY, _count(_IN_FRONT), _count(_BEHIND), _next(_IN_FRONT), _next(_BEHIND)))


# SQLite, which has one writer at a time: the runs of a key that come next, their lease, and the runs themselves.
_FIRST = Prepared(
    select(queue.c.task_run_id)
    .where(queue.c.task_key == bindparam("key"), queue.c.front == bindparam("front"), IS_WAITING, _IS_DUE)
    .order_by(queue.c.available, queue.c.task_run_id)
    .limit(bindparam("most", type_=Integer))
)
_LEASE = BulkUpdate(queue, ("worker_id", "delivered"), key="task_run_id")
_RUNS = Prepared(rows.select_task_runs().where(among(task_runs.c.id, bindparam("keys", type_=Keys(Id())))))


def _lease_statement() -> Prepared:
    """All of that in one statement, for PostgreSQL, where a trip costs about as much as what is done at its end.

    What another server is about to take is passed over. The runs are as they were when the statement began.
    """
    wanted = (
        func.unnest(
            bindparam("worker_ids", type_=Keys(Id())),
            bindparam("task_keys", type_=Keys(Text())),
            bindparam("fronts", type_=Keys(Boolean())),
        )
        .table_valued(column("worker_id", Id), column("task_key", Text), column("front"), with_ordinality="place")
        .render_derived()
    )
    worker_ids = func.array_agg(aggregate_order_by(wanted.c.worker_id, wanted.c.place), type_=ARRAY(Id))
    group = (
        select(wanted.c.task_key, wanted.c.front, worker_ids.label("worker_ids"))
        .group_by(wanted.c.task_key, wanted.c.front)
        .cte("wanted")
    )
    first = (
        select(queue.c.task_run_id, queue.c.available)
        .where(queue.c.task_key == group.c.task_key, queue.c.front == group.c.front, IS_WAITING, _IS_DUE)
        .order_by(queue.c.available, queue.c.task_run_id)
        .limit(func.cardinality(group.c.worker_ids))
        .with_for_update(skip_locked=True)
        .correlate(group)
        .lateral("first")
    )
    place = func.row_number().over(
        partition_by=(group.c.task_key, group.c.front), order_by=(first.c.available, first.c.task_run_id)
    )
    found = (
        select(first.c.task_run_id, group.c.worker_ids[place].label("worker_id"))
        .select_from(group.join(first, true()))
        .cte("found")
        .prefix_with("MATERIALIZED")  # it locks, so it must not be carried out twice
    )
    leased = (
        update(queue)
        .where(queue.c.task_run_id == found.c.task_run_id)
        .values(worker_id=found.c.worker_id, delivered=_NOW)
        .returning(queue.c.task_run_id, queue.c.worker_id)
        .cte("leased")
    )
    runs = rows.select_task_runs().join(leased, leased.c.task_run_id == task_runs.c.id)
    return Prepared(runs.add_columns(leased.c.worker_id))


_LEASE_AT_ONCE = _lease_statement()


class _Wanted(NamedTuple):
    """The workers that are to have runs of a key, and whether of those in front."""

    task_key: str
    front: bool
    worker_ids: list[str]


class Claim(NamedTuple):
    """What was found for the workers that wait: the run that each of some is given, by the worker's id; whether others
    were quicker, so that it is worth looking again; and when the next run can be delivered that can't be yet."""

    given: dict[str, TaskRun]
    missed: bool
    next_due: datetime | None


@one_change
def claim(conn: Connection, waiting: Sequence[Waiting], now: datetime) -> Claim:
    """Lease runs to the workers that wait, the first of them first."""
    keys = list(dict.fromkeys(key for worker in waiting for key in worker.task_keys))
    parameters = {"keys": msgspec.json.encode(keys).decode(), "now": now, "most": len(waiting)}
    ready = _READY.fetch(conn, parameters)
    assigned = assign(waiting, {key: front + behind for key, front, behind, *_ in ready})
    wanted = list(_wanted(assigned, {key: front for key, front, *_ in ready}))
    lease = _lease_at_once if conn.dialect.name == "postgresql" else _lease
    given = lease(conn, wanted, now) if wanted else {}
    next_due = min((time for *_, first, second in ready for time in (first, second) if time), default=None)
    return Claim(given, len(given) < sum(map(len, assigned.values())), next_due)


def _wanted(assigned: Mapping[str, list[str]], in_front: Mapping[str, int]) -> Iterator[_Wanted]:
    """For each key so many workers as there are runs in front, and the others."""
    for key, worker_ids in assigned.items():
        for is_front, some in ((True, worker_ids[: in_front[key]]), (False, worker_ids[in_front[key] :])):
            if some:
                yield _Wanted(key, is_front, some)


def _lease(conn: Connection, wanted: Iterable[_Wanted], now: datetime) -> dict[str, TaskRun]:
    """The run that each worker is given, where nobody else writes."""
    leases = []
    for key, front, worker_ids in wanted:
        found = _FIRST.fetch(conn, {"key": key, "front": front, "most": len(worker_ids), "now": now})
        leases += [
            {"task_run_id": run_id, "worker_id": worker_id, "delivered": now}
            for (run_id,), worker_id in zip(found, worker_ids, strict=True)
        ]
    _LEASE.write(conn, leases)
    runs = {row[0]: rows.task_run(row) for row in _RUNS.fetch(conn, {"keys": [x["task_run_id"] for x in leases]})}
    return {x["worker_id"]: runs[x["task_run_id"]] for x in leases}


def _lease_at_once(conn: Connection, wanted: Iterable[_Wanted], now: datetime) -> dict[str, TaskRun]:
    """The run that each worker is given, but for those whose run another server took."""
    each = [(worker_id, key, front) for key, front, worker_ids in wanted for worker_id in worker_ids]
    worker_ids, task_keys, fronts = zip(*each, strict=True)
    parameters = {"worker_ids": worker_ids, "task_keys": task_keys, "fronts": fronts, "now": now}
    return {row.pop(): rows.task_run(row) for row in _LEASE_AT_ONCE.fetch(conn, parameters)}


def give_back(conn: Connection, worker_id: str, task_run_id: str) -> bool:
    """Let the next worker have a run that this one was given but did not acknowledge; tells whether it goes back."""
    mine = and_(queue.c.task_run_id == task_run_id, queue.c.worker_id == worker_id, queue.c.taken.is_(False))
    return conn.execute(update(queue).where(mine).values(worker_id=None, delivered=None, front=True)).rowcount > 0


def give_back_unacknowledged(conn: Connection, worker_ids: Iterable[str]) -> int:
    """Let others have what the workers, of whom nobody knows more than the rows tell, may not have acknowledged: the
    last that each was given. Returns how many runs go back."""
    newer = queue.alias("newer")
    is_last = not_(exists().where(newer.c.worker_id == queue.c.worker_id, newer.c.delivered > queue.c.delivered))
    return _give_back(conn, and_(queue.c.worker_id.in_(list(worker_ids)), queue.c.taken.is_(False), is_last))


def give_back_all(conn: Connection, worker_ids: Iterable[str]) -> int:
    """Let others have all that the workers were given and nobody has taken up; returns how many runs go back."""
    return _give_back(conn, and_(queue.c.worker_id.in_(list(worker_ids)), queue.c.taken.is_(False)))


def _give_back(conn: Connection, which: ColumnElement[bool]) -> int:
    # What is locked is being taken up.
    ids = conn.execute(
        select(queue.c.task_run_id).where(which).order_by(queue.c.task_run_id).with_for_update(skip_locked=True)
    ).scalars()
    changes = {"worker_id": None, "delivered": None, "front": True}
    return conn.execute(update(queue).where(queue.c.task_run_id.in_(ids.all())).values(changes)).rowcount


class Stuck(NamedTuple):
    """A run in nobody's hands, its state, and the state by which it came into the queue, if that is known."""

    task_run_id: str
    state: State
    scheduled: State | None


@one_change
def stuck(conn: Connection, pending_before: datetime, due_before: datetime, limit: int) -> list[Stuck]:
    """Runs that a worker took and that nobody goes on with, oldest first.

    They are PENDING since before a time; or they wait for a retry that was due before a time, and the worker that would
    have made it is gone. A client that only tells of its states may leave a run PENDING for long, until it has a slot:
    such a run is stuck only if its worker is gone.
    """
    # By what is taken, which is little, and not by the state, which a million runs that wait may share.
    state_type = unindexed(task_runs.c.state_type)
    is_gone = not_(exists().where(task_workers.c.id == queue.c.worker_id, task_workers.c.ended.is_(None)))
    is_forgotten = and_(state_type == StateType.SCHEDULED, task_runs.c.next_scheduled_start_time < due_before, is_gone)
    # As observed.py keeps such states.
    told = and_(task_run_states.c.id == task_runs.c.state_id, task_run_states.c.transition_id == task_run_states.c.id)
    is_left = or_(is_gone, not_(exists().where(told)))
    is_pending = and_(state_type == StateType.PENDING, task_runs.c.state_timestamp < pending_before, is_left)
    found = conn.execute(
        select(task_runs.c.id)
        .join(queue, queue.c.task_run_id == task_runs.c.id)
        .where(queue.c.taken.is_(True), is_forgotten | is_pending)
        .order_by(task_runs.c.state_timestamp)
        .limit(limit)
    )
    runs = {row[0]: rows.task_run(row) for row in _RUNS.fetch(conn, {"keys": found.scalars().all()})}
    scheduled = _first_scheduled(conn, runs)
    return [Stuck(run.id, run.state, scheduled.get(run.id)) for run in runs.values() if run.state is not None]


def _first_scheduled(conn: Connection, run_ids: Iterable[str]) -> dict[str, State]:
    """The first SCHEDULED state of each run."""
    states = rows.select_states(task_run_states).add_columns(task_run_states.c.task_run_id)
    wanted = task_run_states.c.task_run_id.in_(list(run_ids)), task_run_states.c.type == StateType.SCHEDULED
    found = conn.execute(states.where(*wanted).order_by(task_run_states.c.timestamp.desc()))
    return {run_id: rows.state(state) for *state, run_id in found}


class QueueOfKey(msgspec.Struct, frozen=True):
    """How much of a task waits: `depth` counts what no worker has, `delayed` what of that is for later, `leased` what
    was delivered and not begun yet; `oldest` is when the run that waits longest could first be delivered."""

    task_key: str
    depth: int
    delayed: int
    leased: int
    oldest: datetime | None


def by_key(conn: Connection, now: datetime) -> Mapping[str, QueueOfKey]:
    """The queues of all tasks that have runs in them."""
    is_delayed = and_(IS_WAITING, queue.c.available > now)
    found = conn.execute(
        select(
            queue.c.task_key,
            _number_of(IS_WAITING),
            _number_of(is_delayed),
            _number_of(queue.c.worker_id.is_not(None)),
            func.min(case((and_(IS_WAITING, queue.c.available <= now), queue.c.available))),
        )
        .where(queue.c.taken.is_(False))
        .group_by(queue.c.task_key)
    )
    return {row[0]: QueueOfKey(*row) for row in found}


def _number_of(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))
