"""Locks on rows, for changes that take more than one statement and meet batches of decisions on the way.

What lives here: the lock and its order. What does not: the batches' own locks (ledger.py).

Everyone locks flow runs first, then task runs, then concurrency limits, and the rows of each by id: so nobody waits for
one who waits for them.
"""

from sqlalchemy import ColumnElement, Connection, Table, func, select


def lock(conn: Connection, table: Table, condition: ColumnElement[bool]) -> None:
    """Keep others from changing or referring to these rows until the end of the transaction.

    Waits for those who are at it; later statements see what they did. The embedded database has one writer, who need
    not lock.
    """
    if conn.dialect.name == "postgresql":
        locked = select(table.c.id).where(condition).order_by(table.c.id).with_for_update().subquery()
        conn.execute(select(func.count()).select_from(locked))
