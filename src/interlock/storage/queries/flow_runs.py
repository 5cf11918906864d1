"""Flow runs: reading, changing, deleting.

What lives here: statements on flow runs other than transitions (ledger.py). What does not: how a filter becomes a
condition (filters.py).
"""

from sqlalchemy import Connection

from interlock.orchestration.runs import FlowRun
from interlock.storage import rows
from interlock.storage.tables import flow_runs


def by_id(conn: Connection, flow_run_id: str) -> FlowRun | None:
    """One flow run with its current state."""
    row = conn.execute(rows.select_flow_runs().where(flow_runs.c.id == flow_run_id)).first()
    return None if row is None else rows.flow_run(row)
