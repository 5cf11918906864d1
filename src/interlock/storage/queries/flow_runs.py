"""Flow runs: reading, changing, deleting.

What lives here: statements on flow runs other than transitions (ledger.py). What does not: pages and counts of them
(runs_filter.py), and how a filter becomes a condition (filters.py).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, or_, select, text, update

from interlock.orchestration.runs import FlowRun
from interlock.storage import rows, state_events, sums
from interlock.storage.expressions import among
from interlock.storage.filters import Criterion, Order, condition
from interlock.storage.queries import concurrency_leases, runs_filter
from interlock.storage.queries.locks import lock, locked_ids
from interlock.storage.queries.task_runs import detach
from interlock.storage.queries.work_pools import FlowRunInPool, with_pools
from interlock.storage.tables import block_documents, deployments, flow_runs, task_runs
from interlock.storage.types import Keys

WAITING = text("coalesce(flow_runs.state_type, '') = 'SCHEDULED'")
"""As a partial index has it, word by word."""

NEWEST_FIRST = Order("id", descending=True)


def by_id(conn: Connection, flow_run_id: str) -> FlowRun | None:
    """One flow run with its current state."""
    row = conn.execute(rows.select_flow_runs().where(flow_runs.c.id == flow_run_id)).first()
    return None if row is None else rows.flow_run(row)


def in_pool(conn: Connection, flow_run_id: str) -> FlowRunInPool | None:
    """One flow run with its current state and its work pool."""
    run = by_id(conn, flow_run_id)
    return None if run is None else with_pools(conn, [run])[0]


def exists(conn: Connection, flow_run_id: str) -> bool:
    """Whether there is such a flow run."""
    return conn.execute(select(flow_runs.c.id).where(flow_runs.c.id == flow_run_id)).first() is not None


def change(conn: Connection, flow_run_id: str, values: dict[str, Any], now: datetime) -> bool:
    """Set the given columns; whether the flow run exists."""
    statement = update(flow_runs).where(flow_runs.c.id == flow_run_id).values(**values, updated=now)
    return conn.execute(statement).rowcount > 0


def change_checked(
    conn: Connection, flow_run_id: str, values: dict[str, Any], check: Callable[[FlowRun, bool], None], now: datetime
) -> bool:
    """Set the given columns unless the check refuses by raising; whether the flow run exists.

    The check is told the flow run, which nobody changes until the end of the transaction, and whether its deployment
    exists.
    """
    lock(conn, flow_runs, flow_runs.c.id == flow_run_id)
    run = by_id(conn, flow_run_id)
    if run is None:
        return False
    is_deployed = select(deployments.c.id).where(deployments.c.id == run.deployment_id)
    check(run, conn.execute(is_deployed).first() is not None)
    return change(conn, flow_run_id, values, now)


def add_labels(conn: Connection, flow_run_id: str, labels: dict[str, Any], now: datetime) -> bool:
    """Add labels to those of a flow run, in place of those of the same names; whether it exists."""
    lock(conn, flow_runs, flow_runs.c.id == flow_run_id)
    kept = conn.execute(select(flow_runs.c.labels).where(flow_runs.c.id == flow_run_id)).scalar()
    if kept is None:
        return False
    merged = msgspec.json.decode(kept) | labels
    return change(conn, flow_run_id, {"labels": msgspec.json.encode(merged).decode()}, now)


def found_ids(conn: Connection, criterion: Criterion, limit: int) -> list[str]:
    """The ids of so many flow runs that meet a criterion, the newest first."""
    return [x.run.id for x in runs_filter.flow_run_page(conn, criterion, NEWEST_FIRST, limit, 0)]


def delete_found(conn: Connection, criterion: Criterion, limit: int) -> list[str]:
    """Delete so many flow runs that meet a criterion, the newest first, each as `delete_one` does; their ids."""
    wanted = found_ids(conn, criterion, limit)
    # Others may have changed some of them since.
    gone = set(_delete_where(conn, and_(flow_runs.c.id.in_(wanted), condition(flow_runs, criterion))))
    return [x for x in wanted if x in gone]


def delete_one(conn: Connection, flow_run_id: str) -> bool:
    """Delete a flow run and all that goes with it; whether it existed."""
    return bool(_delete_where(conn, flow_runs.c.id == flow_run_id))


def delete_of_flows(conn: Connection, flow_ids: Sequence[str]) -> None:
    """Delete all runs of flows and all that goes with them."""
    _delete_where(conn, flow_runs.c.flow_id.in_(flow_ids))


def delete_of_blocks(conn: Connection, doomed_documents: ColumnElement[bool]) -> None:
    """Delete the runs whose infrastructure is described by these block documents, and all that goes with them."""
    documents = select(block_documents.c.id).where(doomed_documents)
    described = (deployments.c.storage_document_id, deployments.c.infrastructure_document_id)
    lock(conn, block_documents, doomed_documents)
    lock(conn, deployments, or_(*(x.in_(documents) for x in described)))
    _delete_where(conn, flow_runs.c.infrastructure_document_id.in_(documents))


def delete_scheduled(conn: Connection, deployment_ids: Sequence[str]) -> None:
    """Delete the runs of deployments that have not begun, whoever scheduled them."""
    _delete_where(conn, _scheduled(deployment_ids))


def delete_auto_scheduled(conn: Connection, deployment_id: str) -> None:
    """Delete the runs of a deployment that its schedules made and that have not begun."""
    _delete_where(conn, and_(_scheduled([deployment_id]), flow_runs.c.auto_scheduled))


def _scheduled(deployment_ids: Sequence[str]) -> ColumnElement[bool]:
    return and_(flow_runs.c.deployment_id.in_(deployment_ids), WAITING)


def _delete_where(conn: Connection, doomed_runs: ColumnElement[bool]) -> list[str]:
    """Delete flow runs with their task runs, and the states of both; their ids.

    The slots of all these runs are free again, and subflows no longer have a parent. Logs and artifacts stay.
    """
    ids = locked_ids(conn, flow_runs, doomed_runs)
    if not ids:
        return []
    doomed = bindparam("doomed", ids, Keys(flow_runs.c.id.type))
    concurrency_leases.end_of_flow_runs(conn, ids)
    detach(conn, among(task_runs.c.flow_run_id, doomed))
    sums.forget(conn, flow_runs, among(flow_runs.c.id, doomed))
    state_events.remove(conn, flow_runs, among(flow_runs.c.id, doomed))
    conn.execute(delete(flow_runs).where(among(flow_runs.c.id, doomed)))
    return ids
