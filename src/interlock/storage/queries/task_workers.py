"""Task workers and their servers: who has subscribed to scheduled task runs, and who is still there.

What lives here: the rows of workers and servers, and what is done when one of them is gone. What does not: what the
workers are given (task_queue.py).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, and_, delete, exists, insert, not_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from interlock.storage.queries import task_queue
from interlock.storage.tables import servers, task_run_queue, task_workers


class TaskWorker(msgspec.Struct, frozen=True):
    """A subscription: one socket. `client_id` is what the client calls itself, None where it does not."""

    id: str
    client_id: str | None
    task_keys: Sequence[str]
    since: datetime


def join(conn: Connection, server_id: str, workers: Iterable[TaskWorker]) -> None:
    """Note that the workers are connected to the server, whether or not they were thought to be gone."""
    kind = postgresql if conn.dialect.name == "postgresql" else sqlite
    server = {"id": server_id, "beats": 0, "delivery_rates": {}}
    conn.execute(kind.insert(servers).values(server).on_conflict_do_nothing())
    for worker in workers:
        values = {**msgspec.structs.asdict(worker), "server_id": server_id, "ended": None}
        known = update(task_workers).where(task_workers.c.id == worker.id).values(values)
        if not conn.execute(known).rowcount:
            conn.execute(insert(task_workers).values(values))


def leave(conn: Connection, worker_id: str, unacknowledged: str | None, now: datetime) -> bool:
    """Note that a worker is gone. Others get at once what it had not acknowledged, and after a while what it has not
    begun; tells whether a run goes back at once."""
    conn.execute(update(task_workers).where(task_workers.c.id == worker_id).values(ended=now))
    return unacknowledged is not None and task_queue.give_back(conn, worker_id, unacknowledged)


def beat(conn: Connection, server_id: str, workers: Sequence[TaskWorker], delivery_rates: Mapping[str, float]) -> None:
    """Note that the server lives, and how many runs it delivers a second. One that was taken for dead comes back."""
    alive = update(servers).where(servers.c.id == server_id)
    values = {"beats": servers.c.beats + 1, "delivery_rates": dict(delivery_rates)}
    if not conn.execute(alive.values(values)).rowcount:
        join(conn, server_id, workers)


def remove_server(conn: Connection, server_id: str, now: datetime) -> int:
    """Take a server for dead, and its workers for gone; returns how many runs go back at once."""
    conn.execute(select(servers.c.id).where(servers.c.id == server_id).with_for_update())
    theirs = and_(task_workers.c.server_id == server_id, task_workers.c.ended.is_(None))
    workers = conn.execute(select(task_workers.c.id).where(theirs)).scalars().all()
    conn.execute(update(task_workers).where(task_workers.c.id.in_(workers)).values(ended=now))
    conn.execute(delete(servers).where(servers.c.id == server_id))
    return task_queue.give_back_unacknowledged(conn, workers)


def heartbeats(conn: Connection) -> dict[str, int]:
    """The beats of each server by its id."""
    found = conn.execute(select(servers.c.id, servers.c.beats))
    return {row.id: row.beats for row in found}


def forget(conn: Connection, ended_before: datetime, limit: int) -> int:
    """Give back what workers that went before a time have not begun, and forget them; returns how many workers."""
    gone = select(task_workers.c.id).where(task_workers.c.ended < ended_before).limit(limit)
    workers = conn.execute(gone).scalars().all()
    if not workers:
        return 0
    task_queue.give_back_all(conn, workers)
    has_runs = exists().where(task_run_queue.c.worker_id == task_workers.c.id, task_run_queue.c.taken.is_(False))
    return conn.execute(delete(task_workers).where(task_workers.c.id.in_(workers), not_(has_runs))).rowcount


def connected(conn: Connection) -> list[TaskWorker]:
    """All workers that are connected, those first that have been for longest."""
    columns = task_workers.c.id, task_workers.c.client_id, task_workers.c.task_keys, task_workers.c.since
    found = conn.execute(select(*columns).where(task_workers.c.ended.is_(None)).order_by(task_workers.c.since))
    return [TaskWorker(*row) for row in found]


def delivery_rates(conn: Connection) -> Counter[str]:
    """Runs delivered a second on all servers, by the key of their task."""
    total: Counter[str] = Counter()
    for rates in conn.execute(select(servers.c.delivery_rates)).scalars():
        total.update(rates)
    return total
