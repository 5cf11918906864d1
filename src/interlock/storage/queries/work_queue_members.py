"""What is in work queues: deployments, and the flow runs of these.

What lives here: how a queue's members are let go before it is deleted. What does not: the queues (work_queues.py).
"""

from collections.abc import Sequence

from sqlalchemy import Connection, update

from interlock.storage.queries.locks import lock
from interlock.storage.tables import deployments, flow_runs


def let_go(conn: Connection, queue_ids: Sequence[str]) -> None:
    """Take deployments and flow runs out of queues that are to be deleted. They keep the queues' names."""
    for table in (deployments, flow_runs):
        members = table.c.work_queue_id.in_(queue_ids)
        lock(conn, table, members)
        conn.execute(update(table).where(members).values(work_queue_id=None))
