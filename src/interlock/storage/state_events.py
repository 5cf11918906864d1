"""Events that tell of the states of runs: made of the ledger, which has all that they tell.

What lives here: which rows of events a transition adds, and the events that such rows stand for. What does not: events
that are kept whole, and what is asked of events (queries/events.py).

Of the run, an event tells what is known of it when the event is read. The events of a run go when the run goes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Row, RowMapping, Select, Table, bindparam, delete, or_, select

from interlock.orchestration.events import RESOURCE_ID, RESOURCE_NAME, RESOURCE_ROLE, Event, Resource
from interlock.orchestration.runs import FlowRun, TaskRun
from interlock.orchestration.states import State, StateType
from interlock.storage import rows, tags
from interlock.storage.expressions import among, has_tag, matches
from interlock.storage.prepared import BulkKeep, Writes
from interlock.storage.tables import (
    deployments,
    events,
    flow_run_states,
    flow_runs,
    flows,
    task_run_states,
    task_runs,
    work_pools,
    work_queues,
)
from interlock.storage.types import Keys

KINDS = {task_runs.name: "task-run", flow_runs.name: "flow-run"}
RUN_IDS = {task_runs.name: task_run_states.c.task_run_id, flow_runs.name: flow_run_states.c.flow_run_id}
"""For each noun the column of its states that says whose they are."""

_AROUND_RUNS = {
    "flow-run": flow_runs.c.id,
    "flow": flow_runs.c.flow_id,
    "deployment": flow_runs.c.deployment_id,
    "work-queue": flow_runs.c.work_queue_id,
    "work-pool": work_queues.c.work_pool_id,
    "task-run": flow_runs.c.parent_task_run_id,
}
"""Kinds of records that a flow run has to do with, and what tells of which."""

MOST_OF_A_MESSAGE = 100_000
"""Characters: some put whole results into the messages of states."""

TIGHT = timedelta(minutes=5)
"""An event says which one it follows if that one was so shortly before that they might arrive in another order."""

_INSERT = BulkKeep(events, ("id", "occurred", "received", "event", "noun"))


class _Told(NamedTuple):
    """A state of a run, the one before it, and the run."""

    run_id: str
    state: State
    before: State | None


def gather(writes: Writes, table: Table, states: Iterable[State], now: datetime) -> None:
    """Have the events follow: new states of runs of the table."""
    writes.add(_INSERT, [_row(table.name, x, now) for x in states])


def _row(noun: str, state: State, now: datetime) -> dict[str, Any]:
    event = f"prefect.{KINDS[noun]}.{state.name}"
    return {"id": state.id, "occurred": state.timestamp, "received": now, "event": event, "noun": noun}


def remove(conn: Connection, table: Table, doomed: ColumnElement[bool]) -> None:
    """Remove the events of runs of the table that are about to be deleted."""
    of_run = RUN_IDS[table.name]
    states = select(of_run.table.c.id).where(of_run.in_(select(table.c.id).where(doomed)))
    conn.execute(delete(events).where(events.c.id.in_(states)))


def involving(resource_ids: Iterable[str]) -> Iterator[Select[tuple[str]]]:
    """For each of these resources that a run may have to do with: the ids of all states of such runs, some more of a
    tag's. Who asks looks at the events themselves."""
    for resource_id in resource_ids:
        kind, _, identity = resource_id.removeprefix("prefect.").partition(".")
        if kind == "tag":
            yield from _of_a_tag(identity)
        elif _is_id(identity):
            yield from (select(x.table.c.id).where(y) for x, y in _of_a_record(kind, identity))


def _of_a_record(kind: str, identity: str) -> Iterator[tuple[Column[Any], ColumnElement[bool]]]:
    """Which task runs and which flow runs have to do with a record, as conditions on their states."""
    of_task_run, of_flow_run = RUN_IDS.values()
    if kind == "task-run":
        yield of_task_run, of_task_run == identity
    if kind == "automation":
        # No index: those who ask for an automation's events wait for a look at all flow runs.
        made = select(flow_runs.c.id).where(matches(flow_runs.c.created_by, f"%{identity}%"))
        yield of_flow_run, of_flow_run.in_(made)
    if kind in _AROUND_RUNS:
        around = _flow_runs_of(kind, identity)
        yield of_flow_run, of_flow_run.in_(around)
        yield of_task_run, of_task_run.in_(select(task_runs.c.id).where(task_runs.c.flow_run_id.in_(around)))


def _flow_runs_of(kind: str, identity: str) -> Select[tuple[str]]:
    ids = select(flow_runs.c.id)
    if kind == "work-pool":
        queues = select(work_queues.c.id).where(work_queues.c.work_pool_id == identity)
        return ids.where(flow_runs.c.work_queue_id.in_(queues))
    return ids.where(_AROUND_RUNS[kind] == identity)


def _of_a_tag(tag: str) -> Iterator[Select[tuple[str]]]:
    """Task runs and flow runs with the tag, and runs of a flow, deployment or parent with it."""
    of_task_run, of_flow_run = RUN_IDS.values()
    tagged_owners = (
        flow_runs.c.flow_id.in_(select(flows.c.id).where(has_tag(flows.c.tags, tag))),
        flow_runs.c.deployment_id.in_(select(deployments.c.id).where(has_tag(deployments.c.tags, tag))),
        flow_runs.c.parent_task_run_id.in_(tags.runs_with(tag)),
    )
    around = select(flow_runs.c.id).where(or_(has_tag(flow_runs.c.tags, tag), *tagged_owners))
    in_tagged = select(task_runs.c.id).where(task_runs.c.flow_run_id.in_(around))
    yield select(of_flow_run.table.c.id).where(of_flow_run.in_(around))
    yield select(of_task_run.table.c.id).where(of_task_run.in_(tags.runs_with(tag).union(in_tagged)))


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def told(conn: Connection, found: Sequence[Row[Any]]) -> dict[str, Event]:
    """The events that rows of the table stand for, by id. One whose run is gone is left out."""
    made: dict[str, Event] = {}
    for noun, make in ((task_runs.name, _of_task_runs), (flow_runs.name, _of_flow_runs)):
        own = {row.id: row for row in found if row.noun == noun}
        if own:
            made |= {x.id: x for x in make(conn, own)}
    return made


def _of_task_runs(conn: Connection, found: Mapping[str, Row[Any]]) -> Iterable[Event]:
    states = _states(conn, task_runs, found)
    runs = {x.id: x for x in map(rows.task_run, _by_ids(conn, rows.select_task_runs(), task_runs, states))}
    contexts = _contexts(conn, {x.flow_run_id for x in runs.values() if x.flow_run_id})
    for x in states:
        if run := runs.get(x.run_id):
            context = contexts.get(run.flow_run_id or "", _NOTHING)
            related = [*(context[kind] for kind in _AROUND_TASK_RUNS if kind in context), *_tags(context, run.tags)]
            before = None if x.before is None else _task_state(x.before)
            after = _task_state(x.state) | {"data": x.state.data}
            yield _event(found[x.state.id], x, run, related, before, after, task_run=_values(run))


def _of_flow_runs(conn: Connection, found: Mapping[str, Row[Any]]) -> Iterable[Event]:
    states = _states(conn, flow_runs, found)
    runs = {x.id: x for x in map(rows.flow_run, _by_ids(conn, rows.select_flow_runs(), flow_runs, states))}
    contexts = _contexts(conn, runs)
    for x in states:
        if run := runs.get(x.run_id):
            context = contexts[run.id]
            related = [*(context[kind] for kind in _AROUND_FLOW_RUNS if kind in context), *_tags(context, ())]
            before = None if x.before is None else _flow_state(x.before)
            yield _event(found[x.state.id], x, run, [*related, *_creator(run)], before, _flow_state(x.state))


def _states(conn: Connection, table: Table, found: Iterable[str]) -> list[_Told]:
    """The states of these ids. All states of their runs are read: what comes before one is not kept with it."""
    of_run = RUN_IDS[table.name]
    wanted, states = set(found), of_run.table
    runs = select(of_run).where(among(states.c.id, _keys(wanted, states)))
    statement = rows.select_states(states).add_columns(of_run).where(of_run.in_(runs))
    told: list[_Told] = []
    before: tuple[str, State | None] = ("", None)
    for *fields, run_id in conn.execute(statement.order_by(of_run, states.c.timestamp, states.c.id)):
        state = rows.state(fields)
        if state.id in wanted:
            told.append(_Told(run_id, state, before[1] if before[0] == run_id else None))
        before = run_id, state
    return told


def _by_ids(conn: Connection, whole: Select[Any], table: Table, states: Iterable[_Told]) -> Iterable[Row[Any]]:
    return conn.execute(whole.where(among(table.c.id, _keys({x.run_id for x in states}, table)))).all()


def _keys(ids: Iterable[str], table: Table) -> Any:
    return bindparam(None, list(ids), Keys(table.c.id.type))


def _event(
    row: Row[Any],
    told: _Told,
    run: TaskRun | FlowRun,
    related: Sequence[Resource],
    from_state: dict[str, Any] | None,
    to_state: dict[str, Any],
    **more: Any,
) -> Event:
    state, before = told.state, told.before
    kind = KINDS[row.noun]
    resource = {
        RESOURCE_ID: f"prefect.{kind}.{run.id}",
        RESOURCE_NAME: run.name,
        "prefect.run-count": str(run.run_count),
        "prefect.state-message": (state.message or "")[:MOST_OF_A_MESSAGE],
        "prefect.state-name": state.name,
        "prefect.state-timestamp": state.timestamp.isoformat(),
        "prefect.state-type": state.type.value,
    }
    payload = {
        "intended": {"from": before and before.type.value, "to": state.type.value},
        "initial_state": from_state,
        "validated_state": to_state,
        **more,
    }
    follows = before.id if before is not None and state.timestamp - before.timestamp < TIGHT else None
    return Event(
        id=row.id,
        occurred=row.occurred,
        event=row.event,
        resource=resource,
        related=tuple(related),
        payload=payload,
        follows=follows,
        received=row.received,
    )


def _task_state(state: State) -> dict[str, Any]:
    """A state as clients of the 3.x line tell of it. Who waits for a run takes its last state from here."""
    message = None if state.message is None else state.message[:MOST_OF_A_MESSAGE]
    details = msgspec.to_builtins(state.details)
    return {"type": state.type.value, "name": state.name, "message": message, "state_details": details}


def _flow_state(state: State) -> dict[str, str]:
    """A state as the peer's server tells of it."""
    payload = {"type": state.type.value, "name": state.name}
    if state.message:
        payload["message"] = state.message[:MOST_OF_A_MESSAGE]
    if state.type is StateType.PAUSED:
        payload["pause_reschedule"] = str(bool(state.details.pause_reschedule)).lower()
    return payload


def _values(run: TaskRun) -> dict[str, Any]:
    """What a client of the 3.x line tells of a task run."""
    told: dict[str, Any] = msgspec.to_builtins(run)
    for own in ("id", "created", "updated", "flow_run_id", "state"):
        del told[own]
    said = {name: value for name, value in told.items() if value is not None}
    return said | {"task_inputs": msgspec.json.decode(run.task_inputs), "labels": msgspec.json.decode(run.labels)}


_Context = Mapping[str, Any]
"""What is around a flow run: resources by their roles, and `tags`."""

_NOTHING: _Context = {"tags": frozenset()}
_AROUND_TASK_RUNS = ("flow-run", "flow", "deployment", "work-queue", "work-pool")
_AROUND_FLOW_RUNS = ("flow", "deployment", "work-queue", "work-pool", "task-run")
_PARENT = task_runs.alias("parent")
_AROUND: tuple[tuple[str, Any], ...] = (
    ("flow-run", flow_runs),
    ("flow", flows),
    ("deployment", deployments),
    ("work-queue", work_queues),
    ("work-pool", work_pools),
    ("task-run", _PARENT),
)
_CONTEXT = select(
    *(x.c[name].label(f"{kind} {name}") for kind, x in _AROUND for name in ("id", "name", "tags") if name in x.c),
    work_pools.c.type.label("work-pool type"),
).select_from(
    flow_runs.join(flows, flows.c.id == flow_runs.c.flow_id)
    .outerjoin(deployments, deployments.c.id == flow_runs.c.deployment_id)
    .outerjoin(work_queues, work_queues.c.id == flow_runs.c.work_queue_id)
    .outerjoin(work_pools, work_pools.c.id == work_queues.c.work_pool_id)
    .outerjoin(_PARENT, _PARENT.c.id == flow_runs.c.parent_task_run_id)
)


def _contexts(conn: Connection, flow_run_ids: Iterable[str]) -> dict[str, _Context]:
    """What is around each of these flow runs."""
    wanted = _CONTEXT.where(among(flow_runs.c.id, _keys(flow_run_ids, flow_runs)))
    return {row["flow-run id"]: _context(row) for row in conn.execute(wanted).mappings().all()}


def _context(row: RowMapping) -> _Context:
    context: dict[str, Any] = {"tags": frozenset(y for x in row if x.endswith(" tags") for y in row[x] or ())}
    for kind, _ in _AROUND:
        if row[f"{kind} id"] is not None:
            context[kind] = {
                RESOURCE_ID: f"prefect.{kind}.{row[f'{kind} id']}",
                RESOURCE_ROLE: kind,
                RESOURCE_NAME: row[f"{kind} name"],
            }
    if "work-pool" in context:
        context["work-pool"]["prefect.work-pool.type"] = row["work-pool type"]
    return context


def _tags(context: _Context, own: Iterable[str]) -> list[Resource]:
    tags = sorted(context["tags"].union(own))
    return [{RESOURCE_ID: f"prefect.tag.{tag}", RESOURCE_ROLE: "tag"} for tag in tags]


def _creator(run: FlowRun) -> Iterable[Resource]:
    """Who made the flow run, if that is a deployment or an automation."""
    creator = msgspec.json.decode(run.created_by) if run.created_by else {}
    kind = creator.get("type")
    if kind in ("DEPLOYMENT", "AUTOMATION"):
        resource = {RESOURCE_ID: f"prefect.{kind.lower()}.{creator.get('id')}", RESOURCE_ROLE: "creator"}
        name = creator.get("display_value")
        yield resource | ({RESOURCE_NAME: name} if name else {})
