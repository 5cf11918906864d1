"""The slots of work queues and work pools, as transitions see them.

What lives here: what a batch reads of their limits, for runs in queues that are to be submitted. What does not: the
rule (orchestration/work_queues.py), and what is offered to workers (queries/work_polls.py).

No slot is written anywhere: runs that are PENDING or RUNNING take one. Where others write too (PostgreSQL), a batch
that submits runs locks the rows of the pools and queues that have limits: so the next one counts what this one
submitted.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, func, literal_column, or_, select

from interlock.orchestration.batch import WorkingSet
from interlock.orchestration.commands import Command, SetFlowRunState
from interlock.orchestration.facts import WorkLimit
from interlock.orchestration.states import StateType
from interlock.orchestration.work_queues import BUSY
from interlock.storage.expressions import among
from interlock.storage.prepared import Prepared
from interlock.storage.tables import flow_runs, work_pools, work_queues
from interlock.storage.types import Keys

_KEYS = bindparam("keys", type_=Keys(work_queues.c.id.type))
_POOLS_AT_HAND = select(work_queues.c.work_pool_id).where(among(work_queues.c.id, _KEYS))
_POOLS = Prepared(
    select(work_pools.c.id, work_pools.c.name, work_pools.c.concurrency_limit)
    .where(work_pools.c.id.in_(_POOLS_AT_HAND), work_pools.c.concurrency_limit.is_not(None))
    .order_by(work_pools.c.id),
    lock={"key_share": True},
)
_QUEUES = Prepared(
    select(work_queues.c.id, work_queues.c.name, work_queues.c.concurrency_limit)
    .where(among(work_queues.c.id, _KEYS), work_queues.c.concurrency_limit.is_not(None))
    .order_by(work_queues.c.id),
    lock={"key_share": True},
)
_IS_BUSY = flow_runs.c.state_type.in_([literal_column(f"'{x.value}'") for x in sorted(BUSY)])
_POOL_KEYS = bindparam("pools", type_=Keys(work_pools.c.id.type))
_TAKEN = Prepared(
    select(work_queues.c.id, work_queues.c.work_pool_id, func.count(flow_runs.c.id))
    .select_from(work_queues)
    .outerjoin(flow_runs, (flow_runs.c.work_queue_id == work_queues.c.id) & _IS_BUSY)
    .where(or_(among(work_queues.c.id, _KEYS), among(work_queues.c.work_pool_id, _POOL_KEYS)))
    .group_by(work_queues.c.id, work_queues.c.work_pool_id)
)


def load(conn: Connection, commands: Sequence[Command], facts: WorkingSet) -> None:
    """The limits of the queues of the runs that are to be submitted, and of their pools, and what is taken of them."""
    queue_ids = {x for c in commands if _submits(c) and (x := _queue_of(c, facts)) is not None}
    if not queue_ids:
        return
    pools = {row[0]: row for row in _POOLS.fetch(conn, {"keys": queue_ids})}
    queues = {row[0]: row for row in _QUEUES.fetch(conn, {"keys": queue_ids})}
    if not pools and not queues:
        return
    limits, taken = facts.work_limits, dict.fromkeys((*pools, *queues), 0)
    for queue_id, pool_id, busy in _TAKEN.fetch(conn, {"keys": queue_ids, "pools": list(pools)}):
        limits.of_queues[queue_id] = tuple(x for x in (queue_id, pool_id) if x in taken)
        for x in limits.of_queues[queue_id]:
            taken[x] += busy
    for kind, limited in (("work queue", queues), ("work pool", pools)):
        for key, (_, name, limit) in limited.items():
            limits.limits[key] = WorkLimit(f"{kind} '{name}'", limit, taken[key])


def _submits(command: Command) -> bool:
    return isinstance(command, SetFlowRunState) and command.proposal.type is StateType.PENDING and not command.force


def _queue_of(command: Command, facts: WorkingSet) -> str | None:
    assert isinstance(command, SetFlowRunState)
    run = facts.flow_runs.get(command.flow_run_id)
    return None if run is None else run.work_queue_id
