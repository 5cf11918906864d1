"""The queue of background task runs, and who serves it."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Table, and_

from interlock.storage.tables.columns import metadata
from interlock.storage.types import Id, Json, Text, TextList, UtcTime

# Servers that have task workers, each with a number that grows while it lives.
servers = Table(
    "servers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("beats", BigInteger, nullable=False),
    # Deliveries a second by the key of the task, as a JSON object.
    Column("delivery_rates", Json, nullable=False),
)

# Who has subscribed to scheduled task runs, one row a socket. One that has ended stays for a while: what it had in hand
# may still be taken up. The keys of its tasks are in the order in which they are to be served.
task_workers = Table(
    "task_workers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("server_id", Id, ForeignKey("servers.id", ondelete="SET NULL"), index=True),
    Column("client_id", Text),
    Column("task_keys", TextList, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("ended", UtcTime),
)

# Background task runs on their way to a worker and, once it has `taken` them, until their end. One that is neither
# taken nor leased to a worker is given to the next one from the time at which it is `available`.
task_run_queue = Table(
    "task_run_queue",
    metadata,
    Column("task_run_id", Id, ForeignKey("task_runs.id", ondelete="CASCADE"), primary_key=True),
    Column("task_key", Text, nullable=False),
    Column("front", Boolean, nullable=False),
    Column("available", UtcTime, nullable=False),
    Column("worker_id", Id),
    Column("delivered", UtcTime),
    Column("taken", Boolean, nullable=False),
)
IS_WAITING = and_(task_run_queue.c.worker_id.is_(None), task_run_queue.c.taken.is_(False))
Index(
    "ix_task_run_queue__waiting",
    task_run_queue.c.task_key,
    task_run_queue.c.front,
    task_run_queue.c.available,
    task_run_queue.c.task_run_id,
    sqlite_where=IS_WAITING,
    postgresql_where=IS_WAITING,
)
Index(
    "ix_task_run_queue__taken",
    task_run_queue.c.task_run_id,
    sqlite_where=task_run_queue.c.taken.is_(True),
    postgresql_where=task_run_queue.c.taken.is_(True),
)
Index(
    "ix_task_run_queue__worker_id",
    task_run_queue.c.worker_id,
    sqlite_where=task_run_queue.c.worker_id.is_not(None),
    postgresql_where=task_run_queue.c.worker_id.is_not(None),
)
