"""Flow runs: reading, changing, deleting.

What lives here: statements on flow runs other than transitions (ledger.py). What does not: how a filter becomes a
condition (filters.py).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, or_, select, update

from interlock.orchestration.runs import FlowRun
from interlock.orchestration.states import StateType
from interlock.storage import rows, state_events, sums
from interlock.storage.expressions import among
from interlock.storage.queries.locks import lock, locked_ids
from interlock.storage.queries.task_runs import detach
from interlock.storage.queries.work_pools import FlowRunInPool, with_pools
from interlock.storage.tables import block_documents, deployments, flow_runs, task_runs
from interlock.storage.types import Keys


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


def delete_one(conn: Connection, flow_run_id: str) -> bool:
    """Delete a flow run and all that goes with it; whether it existed."""
    return _delete_where(conn, flow_runs.c.id == flow_run_id) > 0


def delete_of_flow(conn: Connection, flow_id: str) -> None:
    """Delete all runs of a flow and all that goes with them."""
    _delete_where(conn, flow_runs.c.flow_id == flow_id)


def delete_of_blocks(conn: Connection, doomed_documents: ColumnElement[bool]) -> None:
    """Delete the runs whose infrastructure is described by these block documents, and all that goes with them."""
    documents = select(block_documents.c.id).where(doomed_documents)
    described = (deployments.c.storage_document_id, deployments.c.infrastructure_document_id)
    lock(conn, block_documents, doomed_documents)
    lock(conn, deployments, or_(*(x.in_(documents) for x in described)))
    _delete_where(conn, flow_runs.c.infrastructure_document_id.in_(documents))


def delete_scheduled(conn: Connection, deployment_id: str) -> None:
    """Delete the runs of a deployment that have not begun, whoever scheduled them."""
    _delete_where(conn, _scheduled(deployment_id))


def delete_auto_scheduled(conn: Connection, deployment_id: str) -> None:
    """Delete the runs of a deployment that its schedules made and that have not begun."""
    _delete_where(conn, and_(_scheduled(deployment_id), flow_runs.c.auto_scheduled))


def _scheduled(deployment_id: str) -> ColumnElement[bool]:
    return and_(flow_runs.c.deployment_id == deployment_id, flow_runs.c.state_type == StateType.SCHEDULED)


def _delete_where(conn: Connection, condition: ColumnElement[bool]) -> int:
    """Delete flow runs with their task runs, and the states of both; how many there were.

    The task runs' slots are free again, and subflows of them no longer have a parent. Logs and artifacts stay.
    """
    ids = locked_ids(conn, flow_runs, condition)
    if not ids:
        return 0
    doomed = bindparam("doomed", ids, Keys(flow_runs.c.id.type))
    detach(conn, among(task_runs.c.flow_run_id, doomed))
    sums.forget(conn, flow_runs, among(flow_runs.c.id, doomed))
    state_events.remove(conn, flow_runs, among(flow_runs.c.id, doomed))
    return conn.execute(delete(flow_runs).where(among(flow_runs.c.id, doomed))).rowcount
