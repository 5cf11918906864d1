"""The states that runs were in: reading them, one or all of a run. How they come about is the ledger's (ledger.py)."""

from sqlalchemy import Connection, Table

from interlock.orchestration.states import State
from interlock.storage import rows
from interlock.storage.tables import flow_run_states, task_run_states


def task_run_state(conn: Connection, state_id: str) -> State | None:
    """One state of a task run."""
    return _one(conn, task_run_states, state_id)


def flow_run_state(conn: Connection, state_id: str) -> State | None:
    """One state of a flow run."""
    return _one(conn, flow_run_states, state_id)


def of_task_run(conn: Connection, task_run_id: str) -> list[State]:
    """All states of a task run, the oldest first."""
    return _all(conn, task_run_states, "task_run_id", task_run_id)


def of_flow_run(conn: Connection, flow_run_id: str) -> list[State]:
    """All states of a flow run, the oldest first."""
    return _all(conn, flow_run_states, "flow_run_id", flow_run_id)


def _one(conn: Connection, states: Table, state_id: str) -> State | None:
    row = conn.execute(rows.select_states(states).where(states.c.id == state_id)).first()
    return None if row is None else rows.state(row)


def _all(conn: Connection, states: Table, owner: str, run_id: str) -> list[State]:
    # Ids are ordered by time, which tells states of one instant apart.
    query = rows.select_states(states).where(states.c[owner] == run_id).order_by(states.c.timestamp, states.c.id)
    return [rows.state(row) for row in conn.execute(query)]
