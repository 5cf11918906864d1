"""What waits in work queues: which runs workers and agents are offered, and how many slots are taken.

What lives here: statements on the runs of queues, and the note that a queue was polled. What does not: who gets a run
(the transition to PENDING, see orchestration/work_queues.py). Nothing is written where runs are offered: all that poll
at once are offered the same ones.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    RowMapping,
    Select,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    true,
    update,
)

from interlock.orchestration.runs import FlowRun
from interlock.orchestration.states import StateType
from interlock.orchestration.work_queues import BUSY
from interlock.storage import rows
from interlock.storage.expressions import among, json_field
from interlock.storage.filters import AnyOf, Between, Criterion, HasAllTags, IsNull, Order, all_of
from interlock.storage.prepared import Prepared
from interlock.storage.queries import runs_filter, work_pools, work_queues
from interlock.storage.queries.locks import lock
from interlock.storage.queries.work_pools import FlowRunInPool, with_pools
from interlock.storage.tables import deployments, flow_runs
from interlock.storage.tables import work_queues as queues
from interlock.storage.types import Keys, UtcTime

POLL_NOTED_SECONDS = 5
"""A poll is noted where the last one that was is so long ago. Workers poll every few seconds, and there may be many;
what goes by the time of the last poll looks at minutes."""

BUSY_TYPES = tuple(sorted(BUSY))
UNDER_WAY_TYPES = (*BUSY_TYPES, StateType.CANCELLING)
"""What agents' queues count as under way: a run that is being cancelled too."""

NEXT_FIRST = Order("next_scheduled_start_time")

QUEUES_AT_ONCE = 20
"""How many queues of a pool are asked for their next runs at once: the first of them may have all that is wanted."""


Bound = datetime | ColumnElement[datetime] | None


class Window(msgspec.Struct, frozen=True):
    """Which runs are asked for: those that are scheduled for a time within these bounds, and how many at most."""

    limit: int
    before: datetime | None = None
    after: datetime | None = None


class Poll(msgspec.Struct, frozen=True):
    """What a poll is answered: the queues it looked at, and the runs that these offer, in their order."""

    queues: Sequence[RowMapping]
    runs: Sequence[FlowRunInPool]


class NoQueueError(Exception):
    """There is no queue of this name in the pool."""

    def __init__(self, pool_name: str, name: str) -> None:
        super().__init__(f"Work pool queue '{pool_name}/{name}' not found.")


def of_pool(conn: Connection, pool_name: str, names: Sequence[str] | None, window: Window) -> Poll:
    """What the queues of these names in a pool offer, or all of them: by the priority of queues, then by time, as far
    as there are slots left. Raises NoPoolError and NoQueueError."""
    pool = work_pools.by_name(conn, pool_name)
    if pool is None:
        raise work_queues.NoPoolError(pool_name)
    polled = work_queues.all_of_pool(conn, pool["id"], names)
    known = {x["name"] for x in polled}
    for name in names or ():
        if name not in known:
            raise NoQueueError(pool_name, name)
    running = [x for x in polled if not x["is_paused"]]
    if pool["is_paused"] or not running:
        return Poll(polled, [])
    busy = _busy_at_limits(conn, pool, running)
    return Poll(polled, with_pools(conn, _offered(conn, pool, running, busy, window)))


def _busy_at_limits(conn: Connection, pool: RowMapping, running: Sequence[RowMapping]) -> dict[str, int]:
    """How many runs are busy in each queue, as far as a limit asks for it."""
    if pool["concurrency_limit"] is not None:
        return busy_by_queue(conn, queues.c.work_pool_id == pool["id"], BUSY_TYPES)
    limited = [x["id"] for x in running if x["concurrency_limit"] is not None]
    return busy_by_queue(conn, queues.c.id.in_(limited), BUSY_TYPES) if limited else {}


def _offered(
    conn: Connection, pool: RowMapping, running: Sequence[RowMapping], busy: dict[str, int], window: Window
) -> list[FlowRun]:
    left = _left(window.limit, pool["concurrency_limit"], sum(busy.values()))
    waiting = _with_work(conn, [x["id"] for x in running], window) if left else set()
    asked = [x for x in running if x["id"] in waiting]
    offered: list[FlowRun] = []
    for begin in range(0, len(asked), QUEUES_AT_ONCE):
        some = asked[begin : begin + QUEUES_AT_ONCE]
        most = {x["id"]: _left(left, x["concurrency_limit"], busy.get(x["id"], 0)) for x in some}
        for found in _next_in_each(conn, most, window):
            offered += found[:left]
            left -= len(found[:left])
        if not left:
            break
    return offered


def _left(wanted: int, limit: int | None, taken: int) -> int:
    return wanted if limit is None else min(wanted, max(0, limit - taken))


def _wait(before: Bound, after: Bound, runs: FromClause = flow_runs) -> ColumnElement[bool]:
    """Which runs are scheduled within the bounds, but for those that wait in their own process for their retry."""
    due = runs.c.next_scheduled_start_time
    return and_(
        runs.c.state_type == StateType.SCHEDULED,
        true() if before is None else due <= before,
        true() if after is None else due >= after,
        func.coalesce(json_field(runs.c.empirical_policy, "retry_type"), "") != "in_process",
    )


def _with_work(conn: Connection, ids: Sequence[str], window: Window) -> set[str]:
    """Which of the queues have a run that waits: a pool may have many queues, and most of them nothing to do."""
    waits = _wait(window.before, window.after)
    waiting = select(flow_runs.c.id).where(flow_runs.c.work_queue_id == queues.c.id, waits).exists()
    return set(conn.execute(select(queues.c.id).where(queues.c.id.in_(ids), waiting)).scalars())


def _next_in_each(conn: Connection, most: Mapping[str, int], window: Window) -> Iterator[list[FlowRun]]:
    """The next runs of each of these queues, in their order, and at most so many of each."""
    if conn.dialect.name != "postgresql":
        yield from (_next_in(conn, queue_id, window, count) for queue_id, count in most.items())
        return
    # One trip to the database instead of one for each queue.
    given = {"queue_ids": list(most), "most": max(most.values()), **_given(window)}
    found: dict[str | None, list[FlowRun]] = defaultdict(list)
    for row in _next_of_each(window.before is not None, window.after is not None).fetch(conn, given):
        run = rows.flow_run(row)
        found[run.work_queue_id].append(run)
    yield from (found[queue_id][:count] for queue_id, count in most.items())


def _next_in(conn: Connection, queue_id: str, window: Window, most: int) -> list[FlowRun]:
    if not most:
        return []
    statement = _next_of(window.before is not None, window.after is not None)
    found = statement.fetch(conn, {"queue_id": queue_id, "most": most, **_given(window)})
    return [rows.flow_run(x) for x in found]


def _given(window: Window) -> dict[str, datetime]:
    bounds = {"before": window.before, "after": window.after}
    return {name: bound for name, bound in bounds.items() if bound is not None}


@cache
def _next_of(has_before: bool, has_after: bool) -> Prepared:
    """The next runs of a queue."""
    of_queue = flow_runs.c.work_queue_id == bindparam("queue_id", type_=flow_runs.c.work_queue_id.type)
    wanted = rows.select_flow_runs().where(of_queue, _wait(*_bounds(has_before, has_after)))
    return Prepared(wanted.order_by(*_in_time(flow_runs)).limit(bindparam("most", type_=Integer)))


@cache
def _next_of_each(has_before: bool, has_after: bool) -> Prepared:
    """The next runs of several queues. PostgreSQL only: SQLite knows no LATERAL."""
    runs = flow_runs.alias("waiting")
    of_queue = and_(runs.c.work_queue_id == queues.c.id, _wait(*_bounds(has_before, has_after), runs))
    first = (
        select(runs.c.id).where(of_queue).order_by(*_in_time(runs)).limit(bindparam("most", type_=Integer)).lateral()
    )
    asked = among(queues.c.id, bindparam("queue_ids", type_=Keys(queues.c.id.type)))
    ids = select(first.c.id).select_from(queues.join(first, true())).where(asked)
    return Prepared(rows.select_flow_runs().where(flow_runs.c.id.in_(ids)).order_by(*_in_time(flow_runs)))


def _bounds(has_before: bool, has_after: bool) -> tuple[Bound, Bound]:
    before, after = (bindparam(x, type_=UtcTime) for x in ("before", "after"))
    return (before if has_before else None), (after if has_after else None)


def _in_time(runs: FromClause) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    return runs.c.next_scheduled_start_time, runs.c.id


def of_queue(conn: Connection, queue_id: str, window: Window) -> Poll | None:
    """What a queue offers to agents, as far as it has slots left; None where there is no such queue.

    A queue with a filter offers the runs that meet it, wherever they wait.
    """
    queue = work_queues.by_id(conn, queue_id)
    if queue is None:
        return None
    if queue["is_paused"]:
        return Poll([queue], [])
    if queue["filter"] is not None:
        return Poll([queue], _filtered(conn, queue, window))
    busy = 0
    if queue["concurrency_limit"] is not None:
        busy = busy_by_queue(conn, queues.c.id == queue_id, UNDER_WAY_TYPES).get(queue_id, 0)
    most = _left(window.limit, queue["concurrency_limit"], busy)
    return Poll([queue], with_pools(conn, _next_in(conn, queue_id, window, most)))


def _filtered(conn: Connection, queue: RowMapping, window: Window) -> list[FlowRunInPool]:
    """The runs of deployments that have all the tags and are of the deployments that a queue's filter names."""
    tags, deployment_ids = queue["filter"].get("tags"), queue["filter"].get("deployment_ids")
    parts: list[Criterion] = [IsNull("deployment_id", null=False)]
    parts += [HasAllTags(tuple(tags))] if tags else []
    parts += [AnyOf("deployment_id", tuple(deployment_ids))] if deployment_ids else []
    busy = 0
    if queue["concurrency_limit"] is not None:
        busy = runs_filter.count(conn, flow_runs, all_of(*parts, AnyOf("state_type", BUSY_TYPES)))
    most = _left(window.limit, queue["concurrency_limit"], busy)
    due = [] if window.before is None else [Between("next_scheduled_start_time", latest=window.before)]
    waiting = all_of(*parts, AnyOf("state_type", (StateType.SCHEDULED,)), *due)
    return list(runs_filter.flow_run_page(conn, waiting, NEXT_FIRST, most, 0)) if most else []


def busy_by_queue(conn: Connection, which: ColumnElement[bool], types: Sequence[StateType]) -> dict[str, int]:
    """How many runs in states of these types each of the queues has; those that have none are left out."""
    counted = (
        select(queues.c.id, func.count())
        .join(flow_runs, and_(flow_runs.c.work_queue_id == queues.c.id, flow_runs.c.state_type.in_(types)))
        .where(which)
        .group_by(queues.c.id)
    )
    return _as_dict(conn, counted)


def busy_by_pool(conn: Connection, pool_ids: Collection[str]) -> dict[str, int]:
    """How many runs are PENDING or RUNNING in each of the pools; those that have none are left out."""
    if not pool_ids:
        return {}
    counted = (
        select(queues.c.work_pool_id, func.count())
        .join(flow_runs, and_(flow_runs.c.work_queue_id == queues.c.id, flow_runs.c.state_type.in_(BUSY_TYPES)))
        .where(queues.c.work_pool_id.in_(pool_ids))
        .group_by(queues.c.work_pool_id)
    )
    return _as_dict(conn, counted)


def _as_dict(conn: Connection, counted: Select[tuple[Any, int]]) -> dict[str, int]:
    return {row[0]: row[1] for row in conn.execute(counted)}


def busy_runs(
    conn: Connection, queue_id: str, types: Sequence[StateType], limit: int, offset: int = 0
) -> Sequence[RowMapping]:
    """The runs of a queue that are in states of these types, by id."""
    named = (flow_runs.c[x] for x in ("id", "name", "state_type", "state_name", "start_time", "state_timestamp"))
    of_queue = and_(flow_runs.c.work_queue_id == queue_id, flow_runs.c.state_type.in_(types))
    return (
        conn.execute(select(*named).where(of_queue).order_by(flow_runs.c.id).limit(limit).offset(offset))
        .mappings()
        .all()
    )


def late_runs(conn: Connection, queue_id: str) -> int:
    """How many runs of a queue are late."""
    late = and_(
        flow_runs.c.work_queue_id == queue_id,
        flow_runs.c.state_type == StateType.SCHEDULED,
        flow_runs.c.state_name == "Late",
    )
    return conn.execute(select(func.count()).select_from(flow_runs).where(late)).scalar_one()


def to_note(polled: Sequence[RowMapping], now: datetime) -> list[str]:
    """The queues of a poll that it is to be noted for."""
    return [x["id"] for x in polled if x["status"] == "NOT_READY" or _is_old(x["last_polled"], now)]


def _is_old(last_polled: datetime | None, now: datetime) -> bool:
    return last_polled is None or last_polled < now - timedelta(seconds=POLL_NOTED_SECONDS)


def note(conn: Connection, queue_ids: Sequence[str], now: datetime) -> None:
    """Note that queues were polled: they are ready, and so are the deployments in them."""
    unready = and_(deployments.c.work_queue_id.in_(queue_ids), deployments.c.status == "NOT_READY")
    lock(conn, deployments, unready)
    conn.execute(update(deployments).where(unready).values(status="READY", last_polled=now))
    old = now - timedelta(seconds=POLL_NOTED_SECONDS)
    # Others that polled at the same time may have noted it.
    noted = or_(queues.c.last_polled.is_(None), queues.c.last_polled < old, queues.c.status == "NOT_READY")
    polled = and_(queues.c.id.in_(queue_ids), noted)
    lock(conn, queues, polled)
    status = case((queues.c.status == "NOT_READY", "READY"), else_=queues.c.status)
    conn.execute(update(queues).where(polled).values(last_polled=now, status=status))


def mark_queues_not_ready(conn: Connection, polled_before: datetime, limit: int) -> int:
    """Mark so many READY queues NOT_READY that nobody has polled since; how many."""
    unpolled = and_(queues.c.status == "READY", queues.c.last_polled < polled_before)
    chosen = select(queues.c.id).where(unpolled).limit(limit).scalar_subquery()
    return conn.execute(update(queues).where(queues.c.id.in_(chosen), unpolled).values(status="NOT_READY")).rowcount
