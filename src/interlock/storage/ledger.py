"""The facts of a batch out of the tables, and what was decided into them.

What lives here: `load` and `write`, the only code that touches the ledger's tables for a transition. What does not:
the decisions (orchestration/) and transactions (the stores).
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, insert, or_, select, tuple_, update

from interlock.orchestration.batch import CacheEntry, FlowRunKey, Limit, TaskRunKey, WorkingSet
from interlock.orchestration.commands import Command, CreateFlowRun, CreateTaskRun, SetFlowRunState, SetTaskRunState
from interlock.orchestration.states import UNPERSISTED, State, StateType, data_type
from interlock.storage import rows
from interlock.storage.queries import artifacts
from interlock.storage.tables import (
    concurrency_limits,
    concurrency_slots,
    flow_run_states,
    flow_runs,
    flows,
    task_run_queue,
    task_run_state_cache,
    task_run_states,
    task_runs,
)

NewId = Callable[[], str]


def _among(name: str) -> Any:
    return bindparam(name, expanding=True)


_TASK_RUNS_BY_ID = rows.select_task_runs().where(task_runs.c.id.in_(_among("ids")))
_TASK_RUNS_BY_KEY = rows.select_task_runs().where(
    tuple_(task_runs.c.flow_run_id, task_runs.c.task_key, task_runs.c.dynamic_key).in_(_among("keys"))
)
_BACKGROUND_RUNS_BY_KEY = rows.select_task_runs().where(
    task_runs.c.flow_run_id.is_(None), tuple_(task_runs.c.task_key, task_runs.c.dynamic_key).in_(_among("keys"))
)
_FAILED_TASK_RUNS = rows.select_task_runs().where(
    task_runs.c.flow_run_id.in_(_among("ids")), task_runs.c.state_type == StateType.FAILED
)
_FLOW_RUNS_BY_ID = rows.select_flow_runs().where(flow_runs.c.id.in_(_among("ids")))
_FLOW_RUNS_BY_KEY = rows.select_flow_runs().where(
    tuple_(flow_runs.c.flow_id, flow_runs.c.idempotency_key).in_(_among("keys"))
)
_FLOW_IDS = select(flows.c.id).where(flows.c.id.in_(_among("ids")))
_LIMITS = select(concurrency_limits.c.id, concurrency_limits.c.tag, concurrency_limits.c.concurrency_limit).where(
    concurrency_limits.c.tag.in_(_among("tags"))
)
_HOLDERS = select(concurrency_slots.c.concurrency_limit_id, concurrency_slots.c.task_run_id).where(
    concurrency_slots.c.concurrency_limit_id.in_(_among("ids"))
)
_CACHED = (
    select(
        task_run_state_cache.c.cache_key,
        task_run_state_cache.c.cache_expiration,
        *(task_run_states.c[n] for n in rows.STATE_COLUMNS),
    )
    .join(task_run_states, task_run_states.c.id == task_run_state_cache.c.task_run_state_id)
    .where(
        task_run_state_cache.c.cache_key.in_(_among("keys")),
        or_(
            task_run_state_cache.c.cache_expiration.is_(None),
            task_run_state_cache.c.cache_expiration > bindparam("now"),
        ),
    )
    .order_by(task_run_state_cache.c.created, task_run_state_cache.c.id)
)

_INSERT_TASK_RUN = insert(task_runs)
_INSERT_TASK_RUN_STATE = insert(task_run_states)
_INSERT_FLOW_RUN = insert(flow_runs)
_INSERT_FLOW_RUN_STATE = insert(flow_run_states)
_UPDATE_TASK_RUN = update(task_runs).where(task_runs.c.id == bindparam("run_id"))
_TOUCH_LIMIT = update(concurrency_limits).where(concurrency_limits.c.id == bindparam("limit_id"))
_UPDATE_FLOW_RUN = update(flow_runs).where(flow_runs.c.id == bindparam("run_id"))


def load(conn: Connection, commands: Sequence[Command], now: datetime, slot_wait_seconds: int) -> WorkingSet:
    """Everything that the commands need to be decided, one query a table for all of them."""
    facts = WorkingSet(slot_wait_seconds)
    _load_named_flow_runs(conn, commands, facts)
    _load_named_task_runs(conn, commands, facts)
    _load_flow_runs(conn, _missing_flow_runs(commands, facts), facts)
    _load_limits(conn, commands, facts)
    _load_cache(conn, commands, facts, now)
    return facts


def _load_named_flow_runs(conn: Connection, commands: Sequence[Command], facts: WorkingSet) -> None:
    creations = [c.run for c in commands if isinstance(c, CreateFlowRun)]
    ids = {c.flow_run_id for c in commands if isinstance(c, SetFlowRunState)} | {run.id for run in creations}
    _load_flow_runs(conn, ids, facts)
    keys: set[FlowRunKey] = {(x.flow_id, x.idempotency_key) for x in creations if x.idempotency_key is not None}
    if keys:
        for row in conn.execute(_FLOW_RUNS_BY_KEY, {"keys": list(keys)}):
            facts.add_flow_run(rows.flow_run(row))
    if creations:
        facts.flow_ids.update(conn.execute(_FLOW_IDS, {"ids": list({run.flow_id for run in creations})}).scalars())


def _load_flow_runs(conn: Connection, ids: Iterable[str], facts: WorkingSet) -> None:
    wanted = [i for i in ids if i not in facts.flow_runs]
    if wanted:
        for row in conn.execute(_FLOW_RUNS_BY_ID, {"ids": wanted}):
            facts.add_flow_run(rows.flow_run(row))


def _load_named_task_runs(conn: Connection, commands: Sequence[Command], facts: WorkingSet) -> None:
    creations = [c.run for c in commands if isinstance(c, CreateTaskRun)]
    ids = {c.task_run_id for c in commands if isinstance(c, SetTaskRunState)} | {run.id for run in creations}
    ids.update(c.run.parent_task_run_id for c in commands if isinstance(c, CreateFlowRun) and c.run.parent_task_run_id)
    ids.update(run.parent_task_run_id for run in facts.flow_runs.values() if run.parent_task_run_id)
    _load_task_runs(conn, _TASK_RUNS_BY_ID, {"ids": list(ids)}, facts)
    keys: set[TaskRunKey] = {(x.flow_run_id, x.task_key, x.dynamic_key) for x in creations}
    _load_task_runs(conn, _TASK_RUNS_BY_KEY, {"keys": [k for k in keys if k[0] is not None]}, facts)
    _load_task_runs(conn, _BACKGROUND_RUNS_BY_KEY, {"keys": [k[1:] for k in keys if k[0] is None]}, facts)
    retried = [c.flow_run_id for c in commands if isinstance(c, SetFlowRunState) and _is_old_retry(c)]
    for run_id in _load_task_runs(conn, _FAILED_TASK_RUNS, {"ids": retried}, facts):
        facts.failed_task_runs.setdefault(facts.task_runs[run_id].flow_run_id or "", set()).add(run_id)


def _is_old_retry(command: SetFlowRunState) -> bool:
    return command.api_version is not None and command.proposal.type == StateType.FAILED


def _load_task_runs(conn: Connection, query: Any, parameters: dict[str, list[Any]], facts: WorkingSet) -> list[str]:
    if not all(parameters.values()):
        return []
    loaded = [rows.task_run(row) for row in conn.execute(query, parameters)]
    for run in loaded:
        facts.add_task_run(run)
    return [run.id for run in loaded]


def _missing_flow_runs(commands: Sequence[Command], facts: WorkingSet) -> set[str]:
    """The flow runs of the task runs at hand: a rule looks at the flow run's state and run count."""
    wanted = {c.run.flow_run_id for c in commands if isinstance(c, CreateTaskRun)}
    named = (facts.task_runs.get(c.task_run_id) for c in commands if isinstance(c, SetTaskRunState))
    wanted.update(run.flow_run_id for run in named if run is not None)
    return {i for i in wanted if i is not None}


def _load_limits(conn: Connection, commands: Sequence[Command], facts: WorkingSet) -> None:
    tags = {tag for run in facts.task_runs.values() for tag in run.tags}
    tags.update(tag for c in commands if isinstance(c, CreateTaskRun) for tag in c.run.tags)
    if not tags:
        return
    limits = {x.id: Limit(x.id, x.tag, x.concurrency_limit, set()) for x in conn.execute(_LIMITS, {"tags": list(tags)})}
    if limits:
        for limit_id, task_run_id in conn.execute(_HOLDERS, {"ids": list(limits)}):
            limits[limit_id].holders.add(task_run_id)
    facts.limits = {limit.tag: limit for limit in limits.values()}


def _load_cache(conn: Connection, commands: Sequence[Command], facts: WorkingSet, now: datetime) -> None:
    keys = {
        c.proposal.details.cache_key
        for c in commands
        if c.proposal is not None and c.proposal.type == StateType.RUNNING and c.proposal.details.cache_key is not None
    }
    if not keys:
        return
    for cache_key, expiration, *fields in conn.execute(_CACHED, {"keys": list(keys), "now": now}):
        facts.cache[cache_key] = CacheEntry(cache_key, expiration, rows.state(tuple(fields)))


def write(conn: Connection, facts: WorkingSet, new_id: NewId) -> None:
    """Everything that was decided, one statement a table and kind of change."""
    _write_flow_runs(conn, facts)
    _write_task_runs(conn, facts)
    _write_results(conn, facts, new_id)
    _write_slots(conn, facts)
    _write_cache(conn, facts, new_id)
    _write_queue(conn, facts)


def _write_many(conn: Connection, statement: Any, parameters: list[dict[str, Any]]) -> None:
    if parameters:
        conn.execute(statement, parameters)


def _write_flow_runs(conn: Connection, facts: WorkingSet) -> None:
    touched = [facts.flow_runs[i] for i in facts.touched_flow_runs]
    created = facts.created_flow_runs
    _write_many(conn, _INSERT_FLOW_RUN, [rows.flow_run_values(x) for x in touched if x.id in created])
    changed = [rows.flow_run_changes(x) | {"run_id": x.id} for x in touched if x.id not in created]
    _write_many(conn, _UPDATE_FLOW_RUN, changed)
    states = [rows.state_values(x) | {"flow_run_id": run_id} for run_id, x in facts.new_flow_run_states]
    _write_many(conn, _INSERT_FLOW_RUN_STATE, states)


def _write_task_runs(conn: Connection, facts: WorkingSet) -> None:
    touched = [facts.task_runs[i] for i in facts.touched_task_runs]
    created = facts.created_task_runs
    _write_many(conn, _INSERT_TASK_RUN, [rows.task_run_values(x) for x in touched if x.id in created])
    changed = [rows.task_run_changes(x) | {"run_id": x.id} for x in touched if x.id not in created]
    _write_many(conn, _UPDATE_TASK_RUN, changed)
    states = [rows.state_values(x) | {"task_run_id": x.details.task_run_id} for x in facts.new_task_run_states]
    _write_many(conn, _INSERT_TASK_RUN_STATE, states)


def _write_results(conn: Connection, facts: WorkingSet, new_id: NewId) -> None:
    """State data that is kept is an artifact as well: clients list results among the artifacts."""
    results = [artifacts.Result(x, x.details.task_run_id) for x in facts.new_task_run_states if _is_kept(x)]
    results += [artifacts.Result(x, None) for _, x in facts.new_flow_run_states if _is_kept(x)]
    artifacts.insert_results(conn, results, new_id)


def _is_kept(state: State) -> bool:
    return state.data is not None and data_type(state.data) != UNPERSISTED


def _write_slots(conn: Connection, facts: WorkingSet) -> None:
    for tag, changed in facts.touched_limits.items():
        limit = facts.limits[tag]
        stored = set(conn.execute(_HOLDERS, {"ids": [limit.id]}).scalars("task_run_id"))
        gone = stored - limit.holders
        if gone:
            conn.execute(
                delete(concurrency_slots).where(
                    and_(
                        concurrency_slots.c.concurrency_limit_id == limit.id,
                        concurrency_slots.c.task_run_id.in_(gone),
                    )
                )
            )
        taken = [{"concurrency_limit_id": limit.id, "task_run_id": x} for x in limit.holders - stored]
        _write_many(conn, insert(concurrency_slots), taken)
        conn.execute(_TOUCH_LIMIT, {"limit_id": limit.id, "updated": changed})


def _write_cache(conn: Connection, facts: WorkingSet, new_id: NewId) -> None:
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
    _write_many(conn, insert(task_run_state_cache), entries)


def _write_queue(conn: Connection, facts: WorkingSet) -> None:
    gone = facts.dequeued | facts.enqueued.keys()
    if gone:
        conn.execute(delete(task_run_queue).where(task_run_queue.c.task_run_id.in_(gone)))
    waiting = [
        {
            "task_run_id": x.task_run_id,
            "task_key": x.task_key,
            "due": x.due,
            "front": x.front,
            "enqueued": facts.task_runs[x.task_run_id].updated,
        }
        for x in facts.enqueued.values()
    ]
    _write_many(conn, insert(task_run_queue), waiting)
