"""A lone command about a task run, carried out by one statement or two, without a transaction around them.

What lives here: reading, deciding and writing where nothing else is at stake, on a database that others write to as
well. What does not: batches, and whatever needs more than the one run kept (ledger.py). The trips to the database are
most of what a lone write waits for, and half of the CPU that it costs: a transaction would take five of them.

Nothing is locked while it is decided. Instead the statement that writes first makes sure that the run is still as it
was seen, and keeps it so. Therefore it does not matter when it was seen: a run that this server has just written, or
a flow run that it has read before, is not read again. What is remembered is never answered with, and never the reason
for a refusal: only the database is. For a new run the statement makes sure that its flow run is as it was seen and its
key is free; should these change in the same moment, the constraints of the table say so.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from msgspec.structs import replace
from sqlalchemy import Connection, and_, bindparam, select

from interlock.orchestration.batch import WorkingSet, decide_batch
from interlock.orchestration.commands import (
    Command,
    CreateTaskRun,
    Proposing,
    RecordEvent,
    RecordTaskRunState,
    SetFlowRunState,
    SetTaskRunState,
)
from interlock.orchestration.decision import Decision, TaskDecision
from interlock.orchestration.facts import Chance
from interlock.orchestration.runs import FlowRun, TaskRun
from interlock.orchestration.states import State, StateType
from interlock.storage import ledger, rows
from interlock.storage.prepared import Absence, Guard, Prepared, Writes
from interlock.storage.tables import flow_runs, task_runs

T = TypeVar("T")

_FOR_TRANSITION = Prepared(
    select(*rows.TASK_RUN_COLUMNS, *rows.FLOW_RUN_COLUMNS)
    .select_from(
        rows.TASK_RUNS_WITH_STATES.outerjoin(rows.FLOW_RUNS_WITH_STATES, flow_runs.c.id == task_runs.c.flow_run_id)
    )
    .where(task_runs.c.id == bindparam("id", type_=task_runs.c.id.type))
)
_FOR_CREATION = Prepared(
    select(*rows.TASK_RUN_COLUMNS, *rows.FLOW_RUN_COLUMNS)
    .select_from(
        rows.FLOW_RUNS_WITH_STATES.outerjoin(
            rows.TASK_RUNS_WITH_STATES,
            and_(
                task_runs.c.flow_run_id == flow_runs.c.id,
                task_runs.c.task_key == bindparam("task_key", type_=task_runs.c.task_key.type),
                task_runs.c.dynamic_key == bindparam("dynamic_key", type_=task_runs.c.dynamic_key.type),
            ),
        )
    )
    .where(flow_runs.c.id == bindparam("id", type_=flow_runs.c.id.type))
)
_TASK_RUN_UNCHANGED = Guard(task_runs, ("state_id", "updated"), locks=True)
_FLOW_RUN_UNCHANGED = Guard(flow_runs, ("state_id", "updated"), locks=False)
_KEY_FREE = Absence(task_runs, ("flow_run_id", "task_key", "dynamic_key"))

MOST_REMEMBERED = 1_000
"""Runs of each kind. Where more are under way, commands come in batches."""

MOST_CHARACTERS = 10_000
"""Of a run's inputs or of a message: what is longer is read each time, rather than kept."""

_ON_THEIR_WAY = (StateType.PENDING, StateType.RUNNING)


class _Seen(NamedTuple):
    """A task run, None before there is one, with the flow run it belongs to, if any."""

    task_run: TaskRun | None
    flow_run: FlowRun | None


class LoneCommands:
    """Carries out commands that come alone. `slot_wait_seconds` is what WAIT answers tell."""

    def __init__(self, clock: Callable[[], datetime], chance: Chance, slot_wait_seconds: int) -> None:
        self._clock = clock
        self._chance = chance
        self._slot_wait_seconds = slot_wait_seconds
        self._task_runs: dict[str, _Seen] = {}
        self._flow_runs: dict[str, FlowRun] = {}

    def carry_out(self, conn: Connection, command: Command) -> Decision | Exception | None:
        """What was decided and written, or None: it takes more than this, and nothing was done.

        Call it outside of a transaction; nothing needs to be committed.
        """
        if isinstance(command, RecordTaskRunState | RecordEvent) or _may_come_again(command):
            return None
        seen = self._remembered(command)
        if seen is not None:
            facts = self._facts(seen)
            decision = self._decide(command, facts)
            if isinstance(decision, TaskDecision) and decision.written and self._write(conn, decision, seen, facts):
                return decision
        seen = _read(conn, command)
        if seen is None:
            return None
        facts = self._facts(seen)
        ledger.load_limits(conn, [command], facts, self._clock())
        if facts.limits:
            return None
        ledger.load_cache(conn, [command], facts, self._clock())
        outcome = self._decide(command, facts)
        if isinstance(outcome, TaskDecision) and facts.touched_task_runs:
            return outcome if self._write(conn, outcome, seen, facts) else None
        return outcome

    def forget(self, commands: Iterable[Command]) -> None:
        """The commands were carried out otherwise."""
        for command in commands:
            if isinstance(command, SetTaskRunState):
                self._task_runs.pop(command.task_run_id, None)
            elif isinstance(command, RecordTaskRunState):
                self._task_runs.pop(command.run.id, None)
            elif isinstance(command, SetFlowRunState):
                self._flow_runs.pop(command.flow_run_id, None)

    def _remembered(self, command: Proposing) -> _Seen | None:
        """What the command is about, if that is remembered and all that it needs; it is remembered again when it has
        proved true."""
        if command.proposal is None or command.proposal.details.cache_key is not None:
            return None
        if isinstance(command, SetTaskRunState):
            return self._task_runs.pop(command.task_run_id, None)
        if isinstance(command, CreateTaskRun) and not command.run.tags:
            flow_run = self._flow_runs.pop(command.run.flow_run_id or "", None)
            return None if flow_run is None else _Seen(None, flow_run)
        return None

    def _facts(self, seen: _Seen) -> WorkingSet:
        facts = WorkingSet(self._slot_wait_seconds)
        if seen.task_run is not None:
            facts.add_task_run(seen.task_run)
        if seen.flow_run is not None:
            facts.add_flow_run(seen.flow_run)
        return facts

    def _decide(self, command: Command, facts: WorkingSet) -> Decision | Exception:
        (outcome,) = decide_batch([command], facts, self._clock, self._chance)
        return outcome

    def _write(self, conn: Connection, decision: TaskDecision, seen: _Seen, facts: WorkingSet) -> bool:
        """Whether it could be written by one statement, and was: nobody else has changed what was seen."""
        if any(x.data is not None for x in facts.new_task_run_states):
            return False
        writes = Writes(conn)
        ledger.gather(conn, writes, facts, self._chance.new_id, self._clock())
        if not writes.send_if(_guards(seen, decision.run)):
            return False
        self._remember(_Seen(decision.run, seen.flow_run))
        return True

    def _remember(self, seen: _Seen) -> None:
        """Keep a task run for its next command, if that will need nothing else, and its flow run for other runs."""
        run, flow_run = seen
        if flow_run is not None:
            if not _is_plain(flow_run.state):
                return
            _keep(self._flow_runs, flow_run.id, flow_run)
        if run is not None and not run.tags and _is_plain(run.state) and len(run.task_inputs) <= MOST_CHARACTERS:
            _keep(self._task_runs, run.id, seen)


def _may_come_again(command: Proposing) -> bool:
    """Whether it must be looked up as well if it was carried out before. That and the run would be two looks: in
    between another server may carry it out, and what was seen of the run would not be what it led to."""
    return command.proposal is not None and command.proposal.details.transition_id is not None


def _is_plain(state: State | None) -> bool:
    """Whether it is that of a run on its way, and small."""
    if state is None or state.type not in _ON_THEIR_WAY or state.data is not None:
        return False
    return len(state.message or "") <= MOST_CHARACTERS


def _keep(remembered: dict[str, T], run_id: str, value: T) -> None:
    if len(remembered) >= MOST_REMEMBERED:
        del remembered[next(iter(remembered))]
    remembered[run_id] = value


def _read(conn: Connection, command: Command) -> _Seen | None:
    """What the command is about; None where it takes more than that."""
    if isinstance(command, SetTaskRunState):
        found = _FOR_TRANSITION.fetch(conn, {"id": command.task_run_id})
    elif isinstance(command, CreateTaskRun) and command.run.flow_run_id is not None:
        run = command.run
        keys = {"id": run.flow_run_id, "task_key": run.task_key, "dynamic_key": run.dynamic_key}
        found = _FOR_CREATION.fetch(conn, keys)
    else:
        return None
    if not found:
        return _Seen(None, None)
    task_run, flow_run = found[0][: len(rows.TASK_RUN_COLUMNS)], found[0][len(rows.TASK_RUN_COLUMNS) :]
    return _Seen(
        None if task_run[0] is None else rows.task_run(task_run),
        None if flow_run[0] is None else _light(rows.flow_run(flow_run)),
    )


def _light(run: FlowRun) -> FlowRun:
    """A flow run without what no rule of its task runs looks at, however large it is."""
    return replace(run, parameters="{}", context="{}", labels="{}", job_variables="{}")


def _guards(seen: _Seen, run: TaskRun) -> list[tuple[Guard | Absence, list[dict[str, Any]]]]:
    """What makes sure that the task run, or its absence, and its flow run are as they were seen."""
    guards: list[tuple[Guard | Absence, list[dict[str, Any]]]] = []
    if seen.task_run is not None:
        guards.append((_TASK_RUN_UNCHANGED, [_version(seen.task_run)]))
    else:
        key = {"flow_run_id": run.flow_run_id, "task_key": run.task_key, "dynamic_key": run.dynamic_key}
        guards.append((_KEY_FREE, [key]))
    if seen.flow_run is not None:
        guards.append((_FLOW_RUN_UNCHANGED, [_version(seen.flow_run)]))
    return guards


def _version(run: TaskRun | FlowRun) -> dict[str, Any]:
    return {"id": run.id, "state_id": None if run.state is None else run.state.id, "updated": run.updated}
