"""A lone command about a task run, carried out by two statements and without a transaction around them.

What lives here: reading, deciding and writing where nothing else is at stake, on a database that others write to as
well. What does not: batches, and whatever needs more than the one run kept (ledger.py). Where the database is far, its
answers are most of what a lone write waits for and half of the CPU that it costs: a transaction would take five of
them.

Nothing is locked while it is decided. Instead the statement that writes first makes sure that the run is still as it
was read, and keeps it so. A new run is held by the constraints of its table: its flow run exists, its key is free.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, select

from interlock.orchestration.batch import WorkingSet, decide_batch
from interlock.orchestration.commands import Command, CreateTaskRun, SetTaskRunState
from interlock.orchestration.decision import Decision
from interlock.orchestration.facts import Chance
from interlock.orchestration.runs import TaskRun
from interlock.storage import ledger, rows
from interlock.storage.prepared import Guard, Prepared, Writes
from interlock.storage.tables import flow_run_states, flow_runs, task_run_states, task_runs

_TASK_RUNS = task_runs.outerjoin(task_run_states, task_run_states.c.id == task_runs.c.state_id)
_FLOW_RUNS = flow_runs.outerjoin(flow_run_states, flow_run_states.c.id == flow_runs.c.state_id)

_FOR_TRANSITION = Prepared(
    select(*rows.TASK_RUN_COLUMNS, *rows.FLOW_RUN_COLUMNS)
    .select_from(_TASK_RUNS.outerjoin(_FLOW_RUNS, flow_runs.c.id == task_runs.c.flow_run_id))
    .where(task_runs.c.id == bindparam("id", type_=task_runs.c.id.type))
)
_FOR_CREATION = Prepared(
    select(*rows.TASK_RUN_COLUMNS, *rows.FLOW_RUN_COLUMNS)
    .select_from(
        _FLOW_RUNS.outerjoin(
            _TASK_RUNS,
            and_(
                task_runs.c.flow_run_id == flow_runs.c.id,
                task_runs.c.task_key == bindparam("task_key", type_=task_runs.c.task_key.type),
                task_runs.c.dynamic_key == bindparam("dynamic_key", type_=task_runs.c.dynamic_key.type),
            ),
        )
    )
    .where(flow_runs.c.id == bindparam("id", type_=flow_runs.c.id.type))
)
_UNCHANGED = Guard(task_runs, ("state_id", "updated"))


def carry_out(
    conn: Connection, command: Command, clock: Callable[[], datetime], chance: Chance, slot_wait_seconds: int
) -> Decision | Exception | None:
    """What was decided and written, or None: it takes more than this, and nothing was done.

    Call it outside of a transaction; nothing needs to be committed.
    """
    facts = WorkingSet(slot_wait_seconds)
    if not _load(conn, command, facts, clock()):
        return None
    seen = _seen(facts)
    (outcome,) = decide_batch([command], facts, clock, chance)
    if isinstance(outcome, Exception) or not facts.touched_task_runs:
        return outcome
    return outcome if _write(conn, facts, seen, chance.new_id) else None


def _load(conn: Connection, command: Command, facts: WorkingSet, now: datetime) -> bool:
    """Whether the facts are there, and are all that there is to it."""
    if isinstance(command, SetTaskRunState):
        found = _FOR_TRANSITION.fetch(conn, {"id": command.task_run_id})
    elif isinstance(command, CreateTaskRun) and command.run.flow_run_id is not None:
        run = command.run
        keys = {"id": run.flow_run_id, "task_key": run.task_key, "dynamic_key": run.dynamic_key}
        found = _FOR_CREATION.fetch(conn, keys)
    else:
        return False
    for row in found:
        _add(facts, row)
    ledger.load_limits(conn, [command], facts)
    if facts.limits:
        return False
    ledger.load_cache(conn, [command], facts, now)
    ledger.load_carried_out(conn, [command], facts)
    return True


def _add(facts: WorkingSet, row: list[Any]) -> None:
    task_run, flow_run = row[: len(rows.TASK_RUN_COLUMNS)], row[len(rows.TASK_RUN_COLUMNS) :]
    if task_run[0] is not None:
        facts.add_task_run(rows.task_run(task_run))
    if flow_run[0] is not None:
        facts.add_flow_run(rows.flow_run(flow_run))


def _seen(facts: WorkingSet) -> list[dict[str, Any]]:
    return [{"id": x.id, "state_id": _state_id(x), "updated": x.updated} for x in facts.task_runs.values()]


def _state_id(run: TaskRun) -> str | None:
    return None if run.state is None else run.state.id


def _write(conn: Connection, facts: WorkingSet, seen: list[dict[str, Any]], new_id: Callable[[], str]) -> bool:
    """Whether it could be written by one statement, and was."""
    has_results = any(x.data is not None for x in facts.new_task_run_states)
    if has_results or facts.dequeued & facts.enqueued.keys():
        return False
    writes = Writes(conn)
    ledger.gather(conn, writes, facts, new_id)
    if seen:
        return writes.send_if(_UNCHANGED, seen)
    writes.send()
    return True
