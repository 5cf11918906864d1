"""Deployments: created or replaced by flow and name, read, changed, paused, deleted.

What lives here: statements on deployments. What does not: their schedules (deployment_schedules.py) and how a filter
becomes a condition (filters.py).
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, func, insert, select, update

from interlock.storage.filters import Criterion, Order, condition, ordering
from interlock.storage.queries import deployment_limits, deployment_schedules, flow_runs, work_queues
from interlock.storage.queries.deployment_limits import OwnLimit
from interlock.storage.queries.locks import locked_ids
from interlock.storage.queries.work_pools import NewId
from interlock.storage.queries.work_queues import Place
from interlock.storage.tables import block_documents, deployments, flows

Deployment = dict[str, Any]
"""The columns of a deployment; `schedules`, the rows of its schedules, the last changed first;
`global_concurrency_limit`, that of its limit, and `work_queue`, that of its queue, None where it has none."""


class Change(NamedTuple):
    """New values of columns; what takes the place of the schedules, None where these stay; the limit of its own that a
    deployment is to have, None where that stays; and the queue that it is put into, None where that stays."""

    values: dict[str, Any]
    schedules: list[dict[str, Any]] | None = None
    limit: OwnLimit | None = None
    place: Place | None = None


def by_id(conn: Connection, deployment_id: str) -> Deployment | None:
    """One deployment."""
    return _one(conn, deployments.c.id == deployment_id)


def by_name(conn: Connection, flow_name: str, name: str) -> Deployment | None:
    """The deployment of this name of the flow of that name."""
    flow_id = select(flows.c.id).where(flows.c.name == flow_name).scalar_subquery()
    return _one(conn, and_(deployments.c.flow_id == flow_id, deployments.c.name == name))


def exists(conn: Connection, deployment_id: str) -> bool:
    """Whether there is such a deployment."""
    return conn.execute(select(deployments.c.id).where(deployments.c.id == deployment_id)).first() is not None


def labels(conn: Connection, deployment_id: str) -> dict[str, Any]:
    """The labels of a deployment, none where there is no such deployment."""
    statement = select(deployments.c.labels).where(deployments.c.id == deployment_id)
    return conn.execute(statement).scalar() or {}


def has_block_document(conn: Connection, document_id: str) -> bool:
    """Whether there is such a block document, to run or to store a deployment by."""
    return conn.execute(select(block_documents.c.id).where(block_documents.c.id == document_id)).first() is not None


def page(conn: Connection, criterion: Criterion, order: Order, limit: int, offset: int) -> list[Deployment]:
    """Deployments that meet a criterion, in an order."""
    wanted = select(deployments).where(condition(deployments, criterion)).order_by(*ordering(deployments, order))
    return _with_schedules(conn, conn.execute(wanted.limit(limit).offset(offset)).mappings().all())


def count(conn: Connection, criterion: Criterion) -> int:
    """How many deployments meet a criterion."""
    wanted = select(func.count()).select_from(deployments).where(condition(deployments, criterion))
    return conn.execute(wanted).scalar_one()


def create_or_replace(conn: Connection, new_id: NewId, wanted: Change, now: datetime) -> tuple[Deployment, bool]:
    """Create a deployment, or give the one of the same flow and name all these values; whether made.

    One that is replaced keeps its queue and its limit where none is given, and loses the runs that its schedules made.
    It has the labels of its flow too; its own go before them. Raises NoPoolError.
    """
    inherited = conn.execute(select(flows.c.labels).where(flows.c.id == wanted.values["flow_id"])).scalar() or {}
    values = wanted.values | {"labels": inherited | wanted.values["labels"]}
    named = and_(deployments.c.flow_id == values["flow_id"], deployments.c.name == values["name"])
    existing = _one(conn, named, for_update=True)
    values |= _placed(conn, wanted.place, new_id, now)
    deployment_id = new_id() if existing is None else existing["id"]
    if existing is None:
        identity = {"id": deployment_id, "created": now, "updated": now, "status": "NOT_READY"}
        conn.execute(insert(deployments), identity | values)
    else:
        queue = values["work_queue_name"] or existing["work_queue_name"]
        _set(conn, existing["id"], values | {"work_queue_name": queue, "updated": now})
        flow_runs.delete_auto_scheduled(conn, existing["id"])
    deployment_schedules.replace(conn, deployment_id, wanted.schedules or [], now)
    _limit(conn, deployment_id, wanted.limit, now)
    made = by_id(conn, deployment_id)
    assert made is not None
    return made, existing is None


def change(
    conn: Connection, deployment_id: str, plan: Callable[[Deployment], Change], new_id: NewId, now: datetime
) -> bool:
    """Change a deployment as planned for what it is now; whether it exists. The plan may refuse by raising.

    The runs that its schedules made go, since they may be wrong now. Raises NoPoolError.
    """
    existing = _one(conn, deployments.c.id == deployment_id, for_update=True)
    if existing is None:
        return False
    values, schedules, limit, place = plan(existing)
    _set(conn, deployment_id, values | _placed(conn, place, new_id, now) | {"updated": now})
    _limit(conn, deployment_id, limit, now)
    flow_runs.delete_auto_scheduled(conn, deployment_id)
    if schedules is not None:
        deployment_schedules.replace(conn, deployment_id, schedules, now)
    else:
        deployment_schedules.begin_anew(conn, deployment_id, now)
    return True


def set_paused(
    conn: Connection,
    deployment_id: str,
    paused: bool,
    check: Callable[[Deployment], None],
    now: datetime,
    *,
    schedules_too: bool = True,
) -> bool:
    """Pause or resume a deployment and, unless these are to stay as they are, the schedules it has; whether it exists.
    The check may refuse by raising.

    Pausing deletes the runs that its schedules made.
    """
    existing = _one(conn, deployments.c.id == deployment_id, for_update=True)
    if existing is None:
        return False
    check(existing)
    _set(conn, deployment_id, {"paused": paused, "is_schedule_active": not paused, "updated": now})
    if schedules_too:
        deployment_schedules.set_active(conn, deployment_id, not paused, now)
    if paused:
        flow_runs.delete_auto_scheduled(conn, deployment_id)
    deployment_schedules.begin_anew(conn, deployment_id, now)
    return True


def delete_one(conn: Connection, deployment_id: str) -> bool:
    """Delete a deployment, its schedules and those of its runs that have not begun; whether it existed.

    The other runs stay, and still name it.
    """
    return bool(_delete(conn, [deployment_id]))


def delete_found(conn: Connection, criterion: Criterion, limit: int) -> list[str]:
    """Delete so many deployments that meet a criterion, the first by name, each as `delete_one` does; their ids."""
    wanted = select(deployments.c.id).where(condition(deployments, criterion))
    ordered = wanted.order_by(*ordering(deployments, Order("name")))
    return _delete(conn, conn.execute(ordered.limit(limit)).scalars().all())


def _delete(conn: Connection, ids: Sequence[str]) -> list[str]:
    """Delete deployments; the ids of those that existed, in the same order."""
    there = set(locked_ids(conn, deployments, deployments.c.id.in_(ids)))
    doomed = [x for x in ids if x in there]
    if doomed:
        flow_runs.delete_scheduled(conn, doomed)
        deployment_limits.delete_of(conn, doomed)
        conn.execute(delete(deployments).where(deployments.c.id.in_(doomed)))
    return doomed


def _one(conn: Connection, condition: ColumnElement[bool], *, for_update: bool = False) -> Deployment | None:
    """A deployment; for an update, nobody else changes it or its schedules until the end of the transaction."""
    statement = select(deployments).where(condition)
    found = conn.execute(statement.with_for_update() if for_update else statement).mappings().all()
    return _with_schedules(conn, found)[0] if found else None


def _with_schedules(conn: Connection, found: Sequence[RowMapping]) -> list[Deployment]:
    """Deployments from their rows, in the same order."""
    grouped: defaultdict[str, list[RowMapping]] = defaultdict(list)
    for schedule in deployment_schedules.of_deployments(conn, [row["id"] for row in found]):
        grouped[schedule["deployment_id"]].append(schedule)
    limits = deployment_limits.by_ids(conn, {row["concurrency_limit_id"] for row in found} - {None})
    queues = work_queues.by_ids(conn, {row["work_queue_id"] for row in found} - {None})
    return [
        {
            **row,
            "schedules": grouped[row["id"]],
            "global_concurrency_limit": limits.get(row["concurrency_limit_id"]),
            "work_queue": queues.get(row["work_queue_id"]),
        }
        for row in found
    ]


def _placed(conn: Connection, place: Place | None, new_id: NewId, now: datetime) -> dict[str, str]:
    """The column of the queue that a deployment is put into, if any."""
    return {} if place is None else {"work_queue_id": work_queues.put(conn, place, new_id, now)}


def _limit(conn: Connection, deployment_id: str, wanted: OwnLimit | None, now: datetime) -> None:
    if wanted is not None:
        deployment_limits.settle(conn, deployment_id, wanted, now)


def _set(conn: Connection, deployment_id: str, values: dict[str, Any]) -> None:
    conn.execute(update(deployments).where(deployments.c.id == deployment_id).values(**values))
