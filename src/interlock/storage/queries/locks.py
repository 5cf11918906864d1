"""Locks, for changes that take more than one statement and meet others on the way: other such changes, and batches of
decisions.

What lives here: the locks and their order. What does not: the batches' own locks (ledger.py). The embedded database has
one writer, who need not lock.

Everyone locks flows first, then block documents, deployments, flow runs, task runs, work pools, work queues and
concurrency limits, and the rows of each by id: so nobody waits for one who waits for them. What stands for a whole
family of records goes before all rows.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, func, select

BLOCKS = 4_751_236_003
"""Block types, schemas and documents: shared by those who add to them, held alone by those who change or delete."""

BLOCK_SCHEMAS = 4_751_236_004
"""What schemas there are, for those who make one; after BLOCKS."""


def lock(conn: Connection, table: Table, condition: ColumnElement[bool]) -> None:
    """Keep others from changing or referring to these rows until the end of the transaction.

    Waits for those who are at it; later statements see what they did.
    """
    if conn.dialect.name == "postgresql":
        locked = _locking(table, condition).subquery()
        conn.execute(select(func.count()).select_from(locked))


def lock_with_referring(
    conn: Connection, referring: Table, refer: ColumnElement[bool], referred: Table, condition: ColumnElement[bool]
) -> None:
    """Lock rows, and before them those of another table that refer to them.

    Which ones do is known for sure only when nobody can come to refer to these rows any more. If more have come by
    then, what was locked too early is let go: to wait for them with it in hand could be to wait in a circle.
    """
    if conn.dialect.name != "postgresql":
        return
    while True:
        known = locked_ids(conn, referring, refer)
        conn.exec_driver_sql("SAVEPOINT referred")
        lock(conn, referred, condition)
        if set(conn.execute(select(referring.c.id).where(refer)).scalars()) <= set(known):
            return
        conn.exec_driver_sql("ROLLBACK TO SAVEPOINT referred")


def locked_ids(conn: Connection, table: Table, condition: ColumnElement[bool]) -> list[str]:
    """Lock rows as `lock` does; their ids, for statements that must not take in rows that come to fit meanwhile."""
    return list(conn.execute(_locking(table, condition)).scalars())


def _locking(table: Table, condition: ColumnElement[bool]) -> Select[Any]:
    return select(table.c.id).where(condition).order_by(table.c.id).with_for_update()


def hold(conn: Connection, family: int, *, shared: bool = False) -> None:
    """Keep others from holding a family of records until the end of the transaction; where shared, only those who want
    it alone. `family` is an advisory lock, by a number of our own choice as those of postgres.py are.
    """
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock{'_shared' if shared else ''}({family})")
