"""What holds for the records that hang on runs, and for references and keys of all tables.

What lives here: slots, leases, cache entries, the queue, the newest artifacts, references to rows that are gone, keys
that occur twice. What does not: the runs themselves (runs.py).

Not everything that refers to a run must find it: logs, artifacts and cache entries stay when a run is deleted, and so
does the name of a deployment in its runs.
"""

from collections.abc import Iterator
from typing import Any, get_args

from sqlalchemy import (
    Column,
    ForeignKey,
    Table,
    UniqueConstraint,
    and_,
    cast,
    exists,
    func,
    not_,
    or_,
    select,
)

from interlock.orchestration.concurrency_leases import HolderType
from interlock.orchestration.global_limits import TAG_PREFIX
from interlock.orchestration.states import TERMINAL_TYPES, StateType
from interlock.orchestration.task_rules import SLOT_HOLDING_TYPES
from interlock.storage.expressions import has_tag, members
from interlock.storage.invariants.runs import is_deferred
from interlock.storage.invariants.scan import Invariant, Scan
from interlock.storage.tables import (
    artifact_collections,
    artifacts,
    concurrency_lease_slots,
    concurrency_leases,
    concurrency_slots,
    metadata,
    task_run_queue,
    task_run_state_cache,
    task_run_states,
    task_run_tags,
    task_runs,
    task_workers,
)
from interlock.storage.tables import concurrency_limits_v2 as limits_table
from interlock.storage.tags import KEY_CHARACTERS
from interlock.storage.types import Text


def scans() -> list[Scan]:
    """Everything about records other than runs."""
    return [
        _slots(),
        _limits(),
        _leases(),
        _cache_entries(),
        _queue(),
        _tags(),
        _tagged_runs(),
        _newest_artifacts(),
        _artifact_keys(),
        *(_references(x) for table in metadata.sorted_tables for x in _foreign_keys(table)),
        *(_repetitions(table, x) for table in metadata.sorted_tables for x in _unique_keys(table)),
    ]


def _slots() -> Scan:
    """A holder that is no run here, or does not run, is an operator's doing at best: nothing but a reset, or a
    transition of that run, would ever free its slot."""
    runs = task_runs.c
    rows = concurrency_slots.join(
        limits_table, limits_table.c.id == concurrency_slots.c.concurrency_limit_id
    ).outerjoin(task_runs, runs.id == concurrency_slots.c.task_run_id)
    is_known = runs.id.is_not(None)
    tag = func.substr(limits_table.c.name, len(TAG_PREFIX) + 1)
    return Scan(
        rows,
        concurrency_slots.c.task_run_id,
        (
            Invariant(
                "slot-of-unknown-run", "slots of tag limits are held by ids that are no task runs", not_(is_known)
            ),
            Invariant(
                "slot-of-idle-run",
                "slots of tag limits are held by task runs that are neither RUNNING nor CANCELLING",
                and_(is_known, func.coalesce(runs.state_type, "").not_in(sorted(SLOT_HOLDING_TYPES))),
            ),
            Invariant(
                "slot-of-other-tag",
                "slots of tag limits are held by task runs without that tag",
                and_(is_known, not_(has_tag(runs.tags, tag))),
            ),
        ),
    )


def _limits() -> Scan:
    """A limit that was lowered, or reset to many holders, has more of them for a while. That a slot was taken when
    there was none shows while this is the last that happened to the limit. A state that a client tells of takes no
    slot, though it may be of the same instant, and a run whose client has a lease none that the lease does not hold."""
    limits, slots, shares = limits_table.c, concurrency_slots.c, concurrency_lease_slots.c
    is_of_limit = (shares.concurrency_limit_id == limits.id, shares.is_stored.is_(False))
    was_alive = (concurrency_leases.c.id == shares.lease_id, concurrency_leases.c.expires > limits.updated)
    has_lease = exists().where(
        *is_of_limit,
        *was_alive,
        concurrency_leases.c.holder_type == "task_run",
        concurrency_leases.c.holder_id == slots.task_run_id,
    )
    leased = select(func.coalesce(func.sum(shares.slots), 0)).where(*is_of_limit, *was_alive).correlate(limits_table)
    by_runs = (
        select(func.count())
        .where(slots.concurrency_limit_id == limits.id, ~has_lease.correlate(limits_table, concurrency_slots))
        .correlate(limits_table)
    )
    was_leased_last = exists().where(*is_of_limit, *was_alive, concurrency_leases.c.created == limits.updated)
    was_taken_last = exists().where(
        slots.concurrency_limit_id == limits.id,
        task_runs.c.id == slots.task_run_id,
        task_runs.c.state_type == StateType.RUNNING,
        task_runs.c.state_timestamp == limits.updated,
        task_run_states.c.id == task_runs.c.state_id,
        task_run_states.c.transition_id.is_distinct_from(task_run_states.c.id),
        ~has_lease.correlate(limits_table, concurrency_slots),
    )
    taken = limits.active_slots + leased.scalar_subquery() + by_runs.scalar_subquery()
    return Scan(
        limits_table,
        limits.name,
        (
            Invariant(
                "limit-exceeded",
                "of these limits a task run or a lease took slots when too few were left",
                and_(limits.active, taken > limits.limit, or_(was_taken_last, was_leased_last)),
            ),
        ),
    )


def _leases() -> Scan:
    leases, shares = concurrency_leases.c, concurrency_lease_slots.c
    return Scan(
        concurrency_leases,
        leases.id,
        (
            Invariant("lease-time", "leases expire before they begin", leases.expires <= leases.created),
            Invariant(
                "lease-holder",
                "leases have half a holder, or one of no known type",
                or_(
                    leases.holder_type.is_(None) != leases.holder_id.is_(None),
                    leases.holder_type.not_in(get_args(HolderType)),
                ),
            ),
            Invariant(
                "lease-of-nothing",
                "leases hold no slot of a limit that they hold slots of",
                exists().where(shares.lease_id == leases.id, shares.slots < 1),
            ),
        ),
    )


def _cache_entries() -> Scan:
    entries, states = task_run_state_cache.c, task_run_states.c
    return Scan(
        task_run_state_cache.join(task_run_states, states.id == entries.task_run_state_id),
        entries.id,
        (
            Invariant(
                "cache-entry",
                "cache entries name a state that is not COMPLETED, or are not as old as their state",
                or_(states.type != StateType.COMPLETED, states.timestamp != entries.created),
            ),
        ),
    )


def _queue() -> Scan:
    queue, runs, states = task_run_queue.c, task_runs.c, task_run_states.c
    was_deferred = exists().where(states.task_run_id == runs.id, is_deferred(states.state_details))
    is_there = exists().where(task_workers.c.id == queue.worker_id)
    return Scan(
        task_run_queue.join(task_runs, runs.id == queue.task_run_id),
        queue.task_run_id,
        (
            Invariant(
                "queued-run",
                "queued task runs are not SCHEDULED, or have another task, or would be delivered before their time",
                and_(
                    queue.taken.is_(False),
                    or_(
                        runs.state_type.is_distinct_from(StateType.SCHEDULED.value),
                        runs.task_key != queue.task_key,
                        runs.next_scheduled_start_time > queue.available,
                    ),
                ),
            ),
            Invariant(
                "queued-flow-task",
                "queued task runs belong to a flow run, though none of their states was deferred",
                and_(runs.flow_run_id.is_not(None), not_(was_deferred)),
            ),
            Invariant(
                "taken-run-ended",
                "task runs that have ended are still in the hands of a worker",
                and_(queue.taken.is_(True), runs.state_type.in_(sorted(TERMINAL_TYPES))),
            ),
            Invariant(
                "leased-to-nobody",
                "queued task runs are leased to a worker that is not known, and nobody else would be given them",
                and_(queue.taken.is_(False), queue.worker_id.is_not(None), not_(is_there)),
            ),
        ),
    )


def _tags() -> Scan:
    runs, tag = task_runs.c, task_run_tags.c.tag
    is_told_whole = func.length(tag) < KEY_CHARACTERS
    return Scan(
        task_run_tags.outerjoin(task_runs, runs.id == task_run_tags.c.task_run_id),
        task_run_tags.c.task_run_id,
        (
            Invariant(
                "tag-of-no-run",
                "the index of tags has them by tags that they have not, or they are no task runs",
                or_(runs.id.is_(None), and_(is_told_whole, not_(has_tag(runs.tags, tag)))),
            ),
        ),
    )


def _tagged_runs() -> Scan:
    value = members(task_runs.c.tags).table_valued("value").c.value
    is_indexed = exists().where(
        task_run_tags.c.tag == func.substr(value, 1, KEY_CHARACTERS), task_run_tags.c.task_run_id == task_runs.c.id
    )
    is_left_out = exists(select(value).where(not_(is_indexed.correlate(task_runs, value.table))).correlate(task_runs))
    return Scan(
        task_runs,
        task_runs.c.id,
        (Invariant("task-run-untagged", "they have tags by which the index of tags does not have them", is_left_out),),
    )


def _newest_artifacts() -> Scan:
    keys, newest = artifact_collections.c, artifacts.c
    return Scan(
        artifact_collections.outerjoin(artifacts, newest.id == keys.latest_id),
        keys.key,
        (
            Invariant(
                "newest-artifact",
                "the newest artifact of these keys does not exist, or has another key",
                or_(newest.id.is_(None), newest.key.is_distinct_from(keys.key)),
            ),
        ),
    )


def _artifact_keys() -> Scan:
    keys = select(artifacts.c.key).where(artifacts.c.key.is_not(None)).distinct().subquery("keys")
    is_recorded = exists().where(artifact_collections.c.key == keys.c.key)
    return Scan(
        keys,
        keys.c.key,
        (Invariant("artifact-key", "there are artifacts of these keys, but none is their newest", not_(is_recorded)),),
    )


def _foreign_keys(table: Table) -> list[ForeignKey]:
    return sorted(table.foreign_keys, key=lambda x: x.parent.name)


def _references(key: ForeignKey) -> Scan:
    """The database itself keeps such references, unless someone told it not to."""
    child, owner = key.parent, key.column.table.alias("owner")
    return Scan(
        child.table.outerjoin(owner, owner.c[key.column.name] == child),
        next(iter(child.table.primary_key)),
        (
            Invariant(
                f"{child.table.name}-without-{child.name.removesuffix('_id')}".replace("_", "-"),
                f"their {child.name} is that of nothing in {key.column.table.name}",
                and_(child.is_not(None), owner.c[key.column.name].is_(None)),
            ),
        ),
    )


def _unique_keys(table: Table) -> Iterator[tuple[Column[Any], ...]]:
    """The columns of every natural key."""
    keys = [tuple(x.columns) for x in table.constraints if isinstance(x, UniqueConstraint)]
    keys += [tuple(x.columns) for x in table.indexes if x.unique]
    yield from sorted(keys, key=lambda key: [x.name for x in key])


def _repetitions(table: Table, key: tuple[Column[Any], ...]) -> Scan:
    """A NULL is equal to nothing, but a run without a flow run is told from others by the rest of its key."""
    one = func.min(cast(table.c.id, Text)).label("id")
    where = [x.is_not(None) for x in key]
    if table is task_runs and task_runs.c.flow_run_id not in key:
        where.append(task_runs.c.flow_run_id.is_(None))
    rows = select(one).where(*where).group_by(*key).having(func.count() > 1).subquery("repeated")
    return Scan(
        rows,
        rows.c.id,
        (
            Invariant(
                f"{table.name.replace('_', '-')}-repeated",
                f"others have the same {' and '.join(x.name for x in key)}",
                rows.c.id.is_not(None),
            ),
        ),
    )
