"""The facts of a batch out of the tables, and what was decided into them.

What lives here: `carry_out`, the only code that touches the ledger's tables for a transition. What does not: the
decisions (orchestration/) and transactions (the stores).
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, Table, bindparam, func, literal_column, or_, select

from interlock.orchestration.batch import (
    OLD_RETRY_API_VERSION,
    CacheEntry,
    FlowRunKey,
    TaskRunKey,
    WorkingSet,
    decide_batch,
)
from interlock.orchestration.commands import (
    Command,
    CreateFlowRun,
    CreateTaskRun,
    Proposing,
    RecordEvent,
    RecordTaskRunState,
    SetFlowRunState,
    SetTaskRunState,
)
from interlock.orchestration.decision import Decision, Enqueue
from interlock.orchestration.facts import Chance
from interlock.orchestration.runs import TaskRun
from interlock.orchestration.states import StateType
from interlock.orchestration.task_queue import QueueChange
from interlock.storage import deployment_slots, rows, state_events, tag_limits, tag_sums, tags, work_slots
from interlock.storage.expressions import among, keyed, members
from interlock.storage.prepared import (
    BulkDelete,
    BulkInsert,
    BulkUpdate,
    BulkUpsert,
    Prepared,
    Writes,
    must_lock,
)
from interlock.storage.queries import artifacts, events
from interlock.storage.sums import add_changes
from interlock.storage.tables import (
    flow_run_states,
    flow_runs,
    flows,
    task_run_queue,
    task_run_state_cache,
    task_run_states,
    task_runs,
)
from interlock.storage.types import JsonText, Keys, UtcTime

NewId = Callable[[], str]


_items = bindparam("items", type_=JsonText)
"""A JSON list as one text, whatever its length."""


def _among(column: ColumnElement[Any]) -> ColumnElement[bool]:
    return among(column, bindparam("keys", type_=Keys(column.type)))


def _keyed(*columns: ColumnElement[Any]) -> ColumnElement[bool]:
    return keyed(_items, *columns)


def _locking(query: Select[Any], table: Table) -> Prepared:
    """Locks the rows of the table that it reads, always in the order of their ids, so that two batches never wait for
    each other. It leaves others free to refer to these rows."""
    return Prepared(query.order_by(table.c.id), lock={"key_share": True, "of": table})


def _keeping(query: Select[Any], table: Table) -> Prepared:
    """Keeps the rows that it reads from being deleted, in the order of their ids: new ones are to refer to them. Their
    insertion does it as well, but only once the batch holds rows that one who deletes these may wait for."""
    return Prepared(query.order_by(table.c.id), lock={"read": True, "key_share": True, "of": table})


_TASK_RUNS_BY_ID = Prepared(rows.select_task_runs().where(_among(task_runs.c.id)))
_TASK_RUNS_LOCKED = _locking(rows.select_task_runs().where(_among(task_runs.c.id)), task_runs)
_TASK_RUNS_OF_FLOW_RUNS_LOCKED = _locking(select(task_runs.c.id).where(_among(task_runs.c.flow_run_id)), task_runs)
_TASK_RUNS_BY_KEY = Prepared(
    rows.select_task_runs().where(_keyed(task_runs.c.flow_run_id, task_runs.c.task_key, task_runs.c.dynamic_key))
)
_BACKGROUND_RUNS_BY_KEY = Prepared(
    rows.select_task_runs().where(
        task_runs.c.flow_run_id.is_(None), _keyed(task_runs.c.task_key, task_runs.c.dynamic_key)
    )
)
_TASK_RUN_IDS_BY_KEY = Prepared(
    select(task_runs.c.id).where(_keyed(task_runs.c.flow_run_id, task_runs.c.task_key, task_runs.c.dynamic_key))
)
_BACKGROUND_RUN_IDS_BY_KEY = Prepared(
    select(task_runs.c.id).where(
        task_runs.c.flow_run_id.is_(None), _keyed(task_runs.c.task_key, task_runs.c.dynamic_key)
    )
)
_FAILED_TASK_RUNS = Prepared(
    # The coalesce keeps SQLite from going through all failed runs there are.
    rows.select_task_runs().where(
        _among(task_runs.c.flow_run_id),
        func.coalesce(task_runs.c.state_type, literal_column("''")) == literal_column("'FAILED'"),
    )
)
_FLOW_RUNS_BY_ID = Prepared(rows.select_flow_runs().where(_among(flow_runs.c.id)))
_FLOW_RUNS_LOCKED = _locking(rows.select_flow_runs().where(_among(flow_runs.c.id)), flow_runs)
_FLOW_RUNS_KEPT = _keeping(rows.select_flow_runs().where(_among(flow_runs.c.id)), flow_runs)
_FLOW_RUNS_BY_KEY = Prepared(rows.select_flow_runs().where(_keyed(flow_runs.c.flow_id, flow_runs.c.idempotency_key)))
_FLOWS = _keeping(select(flows.c.id, flows.c.labels).where(_among(flows.c.id)), flows)
_KNOWN_STATES = Prepared(select(task_run_states.c.id).where(_among(task_run_states.c.id)))
_TASK_RUN_REQUESTS = Prepared(
    select(task_run_states.c.task_run_id, task_run_states.c.transition_id).where(
        _keyed(task_run_states.c.task_run_id, task_run_states.c.transition_id)
    )
)
_FLOW_RUN_REQUESTS = Prepared(
    select(flow_run_states.c.flow_run_id, flow_run_states.c.transition_id).where(
        _keyed(flow_run_states.c.flow_run_id, flow_run_states.c.transition_id)
    )
)
_CACHED_KEY = members(_items).table_valued("value").c.value
_NEWEST_ENTRY = task_run_state_cache.alias("newest")
_CACHED = Prepared(
    select(
        task_run_state_cache.c.cache_key,
        task_run_state_cache.c.cache_expiration,
        *(task_run_states.c[n] for n in rows.STATE_COLUMNS),
    )
    .join(task_run_states, task_run_states.c.id == task_run_state_cache.c.task_run_state_id)
    .where(
        task_run_state_cache.c.id.in_(
            select(
                select(_NEWEST_ENTRY.c.id)
                .where(
                    _NEWEST_ENTRY.c.cache_key == _CACHED_KEY,
                    or_(
                        _NEWEST_ENTRY.c.cache_expiration.is_(None),
                        _NEWEST_ENTRY.c.cache_expiration > bindparam("now", type_=UtcTime),
                    ),
                )
                .order_by(_NEWEST_ENTRY.c.created.desc(), _NEWEST_ENTRY.c.id.desc())
                .limit(1)
                .correlate(_CACHED_KEY.table)
                .scalar_subquery()
            ).select_from(_CACHED_KEY.table)
        )
    )
)

_INSERT_TASK_RUN = BulkInsert(task_runs, rows.TASK_RUN_VALUES)
_UPDATE_TASK_RUN = BulkUpdate(task_runs, rows.TASK_RUN_CHANGES)
_REWRITE_TASK_RUN = BulkUpdate(task_runs, rows.TASK_RUN_REWRITES)
_INSERT_TASK_RUN_STATE = BulkInsert(task_run_states, (*rows.STATE_COLUMNS, "task_run_id"))
_INSERT_FLOW_RUN = BulkInsert(flow_runs, rows.FLOW_RUN_VALUES)
_UPDATE_FLOW_RUN = BulkUpdate(flow_runs, rows.FLOW_RUN_CHANGES)
_INSERT_FLOW_RUN_STATE = BulkInsert(flow_run_states, (*rows.STATE_COLUMNS, "flow_run_id"))
_INSERT_CACHE_ENTRY = BulkInsert(task_run_state_cache, task_run_state_cache.c.keys())
_DELETE_FROM_QUEUE = BulkDelete(task_run_queue, ("task_run_id",))
_PUT_INTO_QUEUE = BulkUpsert(task_run_queue, task_run_queue.c.keys())
_TAKE_WAITING = BulkUpdate(task_run_queue, ("taken",), key="task_run_id")


def carry_out(
    conn: Connection,
    commands: Sequence[Command],
    clock: Callable[[], datetime],
    chance: Chance,
    slot_wait_seconds: int,
) -> Sequence[Decision | Exception]:
    """Load what the commands need, decide them one by one, and write down what was decided; the caller commits.

    Where others write too (PostgreSQL), the rows at hand are locked first: flow runs, task runs, work pools and queues
    that have limits, other limits, each kind by id. What facts can't tell, such as a run that another batch creates
    meanwhile, the database's constraints do: the caller starts again, and finds it.
    """
    facts = load(conn, commands, clock(), slot_wait_seconds)
    decisions = decide_batch(commands, facts, clock, chance)
    write(conn, facts, chance.new_id, clock())
    return decisions


def load(conn: Connection, commands: Sequence[Command], now: datetime, slot_wait_seconds: int) -> WorkingSet:
    """Everything that the commands need to be decided, one query a table for all of them."""
    facts = WorkingSet(slot_wait_seconds)
    _load_named_flow_runs(conn, commands, facts)
    _load_named_task_runs(conn, commands, facts)
    _load_flow_runs(conn, _missing_flow_runs(commands, facts), facts)
    work_slots.load(conn, commands, facts)
    load_limits(conn, commands, facts, now)
    proposing = [c for c in commands if not isinstance(c, RecordTaskRunState | RecordEvent)]
    load_cache(conn, proposing, facts, now)
    _load_carried_out(conn, proposing, facts)
    _load_known_states(conn, _recording(commands), facts)
    return facts


def _recording(commands: Sequence[Command]) -> list[RecordTaskRunState]:
    return [c for c in commands if isinstance(c, RecordTaskRunState)]


def _load_named_flow_runs(conn: Connection, commands: Sequence[Command], facts: WorkingSet) -> None:
    creations = [c.run for c in commands if isinstance(c, CreateFlowRun)]
    named = {c.flow_run_id for c in commands if isinstance(c, SetFlowRunState)}
    if creations:
        found = _FLOWS.fetch(conn, {"keys": {run.flow_id for run in creations}})
        facts.flow_labels.update((flow_id, labels) for flow_id, labels in found)
    owners = {c.run.flow_run_id for c in _recording(commands) if c.run.flow_run_id}
    if must_lock(conn):
        owners |= {c.run.flow_run_id for c in commands if isinstance(c, CreateTaskRun) and c.run.flow_run_id}
    for row in _locked(conn, owners - named, _FLOW_RUNS_KEPT, _FLOW_RUNS_BY_ID):
        facts.add_flow_run(rows.flow_run(row))
    for row in _locked(conn, named | {run.id for run in creations}, _FLOW_RUNS_LOCKED, _FLOW_RUNS_BY_ID):
        facts.add_flow_run(rows.flow_run(row))
    keys: set[FlowRunKey] = {(x.flow_id, x.idempotency_key) for x in creations if x.idempotency_key is not None}
    if items := _items_of(keys):
        for row in _FLOW_RUNS_BY_KEY.fetch(conn, items):
            facts.add_flow_run(rows.flow_run(row))


def _load_flow_runs(conn: Connection, ids: Iterable[str], facts: WorkingSet) -> None:
    wanted = [i for i in ids if i not in facts.flow_runs]
    if wanted:
        for row in _FLOW_RUNS_BY_ID.fetch(conn, {"keys": wanted}):
            facts.add_flow_run(rows.flow_run(row))


def _load_named_task_runs(conn: Connection, commands: Sequence[Command], facts: WorkingSet) -> None:
    creations = [c.run for c in commands if isinstance(c, CreateTaskRun)]
    ids = {c.task_run_id for c in commands if isinstance(c, SetTaskRunState)}
    ids.update(c.run.parent_task_run_id for c in commands if isinstance(c, CreateFlowRun) and c.run.parent_task_run_id)
    ids.update(run.parent_task_run_id for run in facts.flow_runs.values() if run.parent_task_run_id)
    ids.update(_recorded_ids(conn, [facts.recorded_draft(c) for c in _recording(commands)]))
    retried = {c.flow_run_id for c in commands if isinstance(c, SetFlowRunState) and _is_old_retry(c)}
    if retried and must_lock(conn):
        ids.update(row[0] for row in _TASK_RUNS_OF_FLOW_RUNS_LOCKED.fetch(conn, {"keys": retried}))
    if not must_lock(conn):
        # Where others write too, nothing but the constraint can tell that an id is taken.
        ids.update(run.id for run in creations)
    for row in _locked(conn, ids, _TASK_RUNS_LOCKED, _TASK_RUNS_BY_ID):
        facts.add_task_run(rows.task_run(row))
    keys: set[TaskRunKey] = {(x.flow_run_id, x.task_key, x.dynamic_key) for x in creations}
    _load_task_runs(conn, _TASK_RUNS_BY_KEY, _items_of([k for k in keys if k[0] is not None]), facts)
    _load_task_runs(conn, _BACKGROUND_RUNS_BY_KEY, _items_of([k[1:] for k in keys if k[0] is None]), facts)
    for run_id in _load_task_runs(conn, _FAILED_TASK_RUNS, _keys_of(retried), facts):
        facts.failed_task_runs.setdefault(facts.task_runs[run_id].flow_run_id or "", set()).add(run_id)


def _recorded_ids(conn: Connection, drafts: Sequence[TaskRun]) -> set[str]:
    """The runs that are told of: those of the ids, and those that have the keys."""
    ids = {x.id for x in drafts}
    for query, keys in (
        (_TASK_RUN_IDS_BY_KEY, {(x.flow_run_id, x.task_key, x.dynamic_key) for x in drafts if x.flow_run_id}),
        (_BACKGROUND_RUN_IDS_BY_KEY, {(x.task_key, x.dynamic_key) for x in drafts if not x.flow_run_id}),
    ):
        if items := _items_of(keys):
            ids.update(row[0] for row in query.fetch(conn, items))
    return ids


def _is_old_retry(command: SetFlowRunState) -> bool:
    version = command.api_version
    return version is not None and version < OLD_RETRY_API_VERSION and command.proposal.type == StateType.FAILED


def _load_task_runs(
    conn: Connection, query: Prepared, parameters: dict[str, Any] | None, facts: WorkingSet
) -> list[str]:
    if parameters is None:
        return []
    loaded = [rows.task_run(row) for row in query.fetch(conn, parameters)]
    for run in loaded:
        facts.add_task_run(run)
    return [run.id for run in loaded]


def _locked(conn: Connection, ids: Collection[str], locking: Prepared, plain: Prepared) -> Sequence[Sequence[Any]]:
    """The rows of runs that nobody else can change until the end of the transaction.

    A query that waits for a lock gets the run as it is by then, but no state that is newer than the query: it seems to
    have none. Such runs, and the few that have none, are read once more.
    """
    if not ids:
        return []
    if not must_lock(conn):
        return plain.fetch(conn, {"keys": ids})
    found = locking.fetch(conn, {"keys": ids})
    stateless = [row[0] for row in found if not rows.has_state(row)]
    if not stateless:
        return found
    return [*filter(rows.has_state, found), *plain.fetch(conn, {"keys": stateless})]


def _keys_of(values: Collection[Any]) -> dict[str, Any] | None:
    return {"keys": values} if values else None


def _items_of(values: Collection[Any]) -> dict[str, Any] | None:
    return {"items": msgspec.json.encode(list(values)).decode()} if values else None


def _missing_flow_runs(commands: Sequence[Command], facts: WorkingSet) -> set[str]:
    """The flow runs of the task runs at hand: a rule looks at the flow run's state and run count."""
    wanted = {c.run.flow_run_id for c in commands if isinstance(c, CreateTaskRun)}
    named = (facts.task_runs.get(c.task_run_id) for c in commands if isinstance(c, SetTaskRunState))
    wanted.update(run.flow_run_id for run in named if run is not None)
    return {i for i in wanted if i is not None}


def load_limits(conn: Connection, commands: Sequence[Command], facts: WorkingSet, now: datetime) -> None:
    """The limits on the tags of the runs at hand, and of their deployments, and who holds their slots by now."""
    limited = {tag for run in facts.task_runs.values() for tag in run.tags}
    limited.update(tag for c in commands if isinstance(c, CreateTaskRun) for tag in c.run.tags)
    ids = deployment_slots.load_terms(conn, commands, facts)
    if limited or ids:
        tag_limits.load(conn, facts, limited, ids, now)
    if ids:
        deployment_slots.load_leases(conn, commands, facts, now)


def load_cache(conn: Connection, commands: Sequence[Proposing], facts: WorkingSet, now: datetime) -> None:
    """What the cache holds for the keys that the commands propose."""
    keys = {
        c.proposal.details.cache_key
        for c in commands
        if c.proposal is not None and c.proposal.type == StateType.RUNNING and c.proposal.details.cache_key is not None
    }
    items = _items_of(keys)
    if items is None:
        return
    for cache_key, expiration, *fields in _CACHED.fetch(conn, items | {"now": now}):
        facts.cache[cache_key] = CacheEntry(cache_key, expiration, rows.state(fields))


def _load_carried_out(conn: Connection, commands: Sequence[Proposing], facts: WorkingSet) -> None:
    """Which of the requests have made a state before, and come again because their answer got lost."""
    marked = [c for c in commands if c.proposal is not None and c.proposal.details.transition_id is not None]
    of_task_runs = [(c.task_run_id, _transition_id(c)) for c in marked if isinstance(c, SetTaskRunState)]
    of_flow_runs = [(c.flow_run_id, _transition_id(c)) for c in marked if isinstance(c, SetFlowRunState)]
    for query, keys in ((_TASK_RUN_REQUESTS, of_task_runs), (_FLOW_RUN_REQUESTS, of_flow_runs)):
        if items := _items_of(keys):
            facts.carried_out.update((row[0], row[1]) for row in query.fetch(conn, items))


def _load_known_states(conn: Connection, commands: Sequence[RecordTaskRunState], facts: WorkingSet) -> None:
    """Which of the states are kept already, and are told of again."""
    if keys := _keys_of({c.state.id for c in commands}):
        facts.known_states.update(row[0] for row in _KNOWN_STATES.fetch(conn, keys))


def _transition_id(command: SetTaskRunState | SetFlowRunState) -> str | None:
    return command.proposal.details.transition_id


def write(conn: Connection, facts: WorkingSet, new_id: NewId, now: datetime) -> None:
    """Everything that was decided, one statement a table and kind of change, or all in one."""
    writes = Writes(conn)
    gather(conn, writes, facts, new_id, now)
    writes.send()
    _write_results(conn, facts, new_id)


def gather(conn: Connection, writes: Writes, facts: WorkingSet, new_id: NewId, now: datetime) -> None:
    """Everything that was decided but the results, which have queries of their own."""
    _write_flow_runs(writes, facts)
    _write_task_runs(writes, facts)
    tag_limits.gather(conn, writes, facts)
    deployment_slots.gather(writes, facts)
    _write_cache(writes, facts, new_id)
    _write_queue(writes, facts)
    moves = [(was, facts.task_runs[i]) for i, was in facts.touched_task_runs.items()]
    add_changes(writes, task_runs, moves)
    tag_sums.add_changes(writes, moves)
    add_changes(writes, flow_runs, ((was, facts.flow_runs[i]) for i, was in facts.touched_flow_runs.items()))
    events.gather(conn, writes, facts.new_events)
    state_events.gather(writes, task_runs, facts.new_task_run_states, now)
    state_events.gather(writes, flow_runs, (x for _, x in facts.new_flow_run_states), now)


def _by_key(run: TaskRun) -> TaskRunKey:
    """New runs go in by the order of their keys: who comes to one that another batch is making waits to see whether it
    stays, and two batches that make the same runs must not do so for each other."""
    return run.flow_run_id or "", run.task_key, run.dynamic_key


def _write_flow_runs(writes: Writes, facts: WorkingSet) -> None:
    touched = [facts.flow_runs[i] for i in facts.touched_flow_runs]
    created = facts.created_flow_runs
    new = sorted((x for x in touched if x.id in created), key=lambda x: (x.flow_id, x.idempotency_key or ""))
    writes.add(_INSERT_FLOW_RUN, [rows.flow_run_values(x) for x in new])
    writes.add(_UPDATE_FLOW_RUN, [rows.flow_run_changes(x) | {"id": x.id} for x in touched if x.id not in created])
    states = [rows.state_values(x) | {"flow_run_id": run_id} for run_id, x in facts.new_flow_run_states]
    writes.add(_INSERT_FLOW_RUN_STATE, states)


def _write_task_runs(writes: Writes, facts: WorkingSet) -> None:
    touched = [facts.task_runs[i] for i in facts.touched_task_runs]
    created = facts.created_task_runs
    new = sorted((x for x in touched if x.id in created), key=_by_key)
    writes.add(_INSERT_TASK_RUN, [rows.task_run_values(x) for x in new])
    changed, rewritten = _parted((x for x in touched if x.id not in created), facts.rewritten_task_runs)
    tags.gather(writes, new, ((was, x) for x in rewritten if (was := facts.touched_task_runs[x.id]) is not None))
    writes.add(_UPDATE_TASK_RUN, [rows.task_run_changes(x) | {"id": x.id} for x in changed])
    writes.add(_REWRITE_TASK_RUN, [rows.task_run_values(x) for x in rewritten])
    states = [rows.state_values(x) | {"task_run_id": x.details.task_run_id} for x in facts.new_task_run_states]
    writes.add(_INSERT_TASK_RUN_STATE, states)


def _parted(runs: Iterable[TaskRun], ids: Collection[str]) -> tuple[list[TaskRun], list[TaskRun]]:
    """The runs without those of the ids, and those."""
    parts: tuple[list[TaskRun], list[TaskRun]] = [], []
    for run in runs:
        parts[run.id in ids].append(run)
    return parts


def _write_results(conn: Connection, facts: WorkingSet, new_id: NewId) -> None:
    """The data of a state is an artifact as well: clients list results among the artifacts. What is only told of has
    none in the peer."""
    results = [artifacts.Result(x, None) for _, x in facts.new_flow_run_states if x.data is not None]
    decided = (x for x in facts.new_task_run_states if not x.is_observed)
    results += [artifacts.Result(x, x.details.task_run_id) for x in decided if x.data is not None]
    artifacts.insert_results(conn, results, new_id)


def _write_cache(writes: Writes, facts: WorkingSet, new_id: NewId) -> None:
    entries = [
        {
            "id": new_id(),
            "created": x.state.timestamp,
            "cache_key": x.cache_key,
            "cache_expiration": x.expiration,
            "task_run_state_id": x.state.id,
        }
        for x in facts.new_cache_entries
    ]
    writes.add(_INSERT_CACHE_ENTRY, entries)


def _write_queue(writes: Writes, facts: WorkingSet) -> None:
    changes = facts.queue_changes.items()
    writes.add(_DELETE_FROM_QUEUE, [{"task_run_id": run_id} for run_id, x in changes if x == QueueChange.DONE])
    taken = [{"task_run_id": run_id, "taken": True} for run_id, x in changes if x == QueueChange.TAKEN]
    writes.add(_TAKE_WAITING, taken)
    writes.add(_PUT_INTO_QUEUE, [_queued(x, facts.task_runs[x.task_run_id]) for x in facts.enqueued.values()])


def _queued(run: Enqueue, values: TaskRun) -> dict[str, Any]:
    return {
        "task_run_id": run.task_run_id,
        "task_key": run.task_key,
        "front": run.front,
        "available": max(values.updated, run.due or values.updated),
        "worker_id": None,
        "delivered": None,
        "taken": False,
    }
