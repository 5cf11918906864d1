"""What ran in a flow run, and which results went where.

What lives here: the task runs and subflows of a flow run as a graph. What does not: how it looks on the wire
(api/schemas/graphs.py).

An edge leads from one run to another that was given its result. A subflow takes the place of the task run that stands
for it, and as results are those of task runs, no edges lead to or from it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, Select, and_, case, func, or_, select

from interlock.orchestration.runs import TaskRun
from interlock.orchestration.states import State, StateType
from interlock.storage import rows
from interlock.storage.queries import run_states
from interlock.storage.tables import artifact_collections, artifacts, flow_runs, flows, task_runs

MAX_NODES = 10_000
PROGRESS = "progress"
MAX_ARTIFACTS = 10_000


class GraphTooLargeError(Exception):
    """The graph has more nodes than one answer should have."""


class Node(msgspec.Struct, frozen=True):
    """A task run or a subflow. An id is among the parents as often as its result was given, for each of its own inputs.

    `end_time` None: it has not ended.
    """

    id: str
    is_subflow: bool
    label: str
    state_type: StateType
    start_time: datetime
    end_time: datetime | None
    parents: Sequence[str]
    children: Sequence[str]
    artifacts: Sequence[RowMapping]


class Graph(msgspec.Struct, frozen=True):
    """A flow run's graph, the nodes in the order in which they started, and what belongs to the flow run itself."""

    start_time: datetime | None
    end_time: datetime | None
    nodes: Sequence[Node]
    artifacts: Sequence[RowMapping]
    states: Sequence[State]


def task_runs_of(conn: Connection, flow_run_id: str) -> list[TaskRun] | None:
    """The task runs of a flow run, newest first; None where there is no such flow run."""
    if conn.execute(select(flow_runs.c.id).where(flow_runs.c.id == flow_run_id)).first() is None:
        return None
    statement = rows.select_task_runs().where(task_runs.c.flow_run_id == flow_run_id)
    return [rows.task_run(row) for row in conn.execute(statement.order_by(task_runs.c.id.desc()))]


def graph(conn: Connection, flow_run_id: str, since: datetime | None) -> Graph | None:
    """The graph of a flow run, with the nodes only that had not ended before `since`; None where there is none.

    Raises GraphTooLargeError.
    """
    times = select(flow_runs.c.start_or_expected_time, flow_runs.c.end_time).where(flow_runs.c.id == flow_run_id)
    flow_run = conn.execute(times).first()
    if flow_run is None:
        return None
    by_task_run = _artifacts(conn, flow_run_id)
    nodes = _nodes(conn, flow_run_id, since, by_task_run)
    states = run_states.of_flow_run(conn, flow_run_id)
    return Graph(flow_run[0], flow_run[1], nodes, by_task_run.get(None, ()), states)


def _nodes(
    conn: Connection,
    flow_run_id: str,
    since: datetime | None,
    by_task_run: Mapping[str | None, Sequence[RowMapping]],
) -> list[Node]:
    runs = _started_runs(flow_run_id)
    shown = runs if since is None else runs.where(or_(_END.is_(None), since <= _END))
    if conn.execute(select(func.count()).select_from(shown.limit(MAX_NODES + 1).subquery())).scalar_one() > MAX_NODES:
        raise GraphTooLargeError(f"The graph of flow run {flow_run_id} has more than {MAX_NODES} nodes.")
    parents, children = _edges(conn.execute(runs.with_only_columns(_ID.label("id"), task_runs.c.task_inputs)).all())
    return [
        Node(
            id=row.id,
            is_subflow=row.is_subflow,
            label=row.label,
            state_type=StateType(row.state_type),
            start_time=row.start_time,
            end_time=row.end_time,
            parents=parents[row.id],
            children=children[row.id],
            artifacts=by_task_run.get(row.id, ()),
        )
        for row in conn.execute(shown.order_by(_START, _END.nulls_first(), _ID))
    ]


_subflow = flow_runs.alias("subflow")
_ID = func.coalesce(_subflow.c.id, task_runs.c.id)
_START = func.coalesce(_subflow.c.start_or_expected_time, task_runs.c.start_time, task_runs.c.expected_start_time)
# One that was completed without having run, as a cached one is, took no time.
_END = func.coalesce(
    _subflow.c.end_time,
    task_runs.c.end_time,
    case((task_runs.c.state_type == StateType.COMPLETED.value, task_runs.c.expected_start_time)),
)


def _started_runs(flow_run_id: str) -> Select[*tuple[Any, ...]]:
    """The nodes of a flow run: one for each task run, or for each subflow where it stands for one."""
    joined = task_runs.outerjoin(_subflow, _subflow.c.parent_task_run_id == task_runs.c.id)
    joined = joined.outerjoin(flows, flows.c.id == _subflow.c.flow_id)
    return (
        select(
            _ID.label("id"),
            _subflow.c.id.is_not(None).label("is_subflow"),
            func.coalesce(flows.c.name + " / " + _subflow.c.name, task_runs.c.name).label("label"),
            func.coalesce(_subflow.c.state_type, task_runs.c.state_type).label("state_type"),
            _START.label("start_time"),
            _END.label("end_time"),
        )
        .select_from(joined)
        .where(
            task_runs.c.flow_run_id == flow_run_id,
            task_runs.c.state_type != StateType.PENDING.value,
            _START.is_not(None),
        )
    )


def _edges(runs: Iterable[Any]) -> tuple[Mapping[str, list[str]], Mapping[str, list[str]]]:
    """The parents of each node in the order of its inputs, and the children of each by their ids."""
    inputs = {run_id: list(msgspec.json.decode(text).values()) for run_id, text in runs}
    given = {run_id: [y["id"] for x in lists for y in x if "id" in y] for run_id, lists in inputs.items()}
    # For clients, an edge counts once for each input of the run that it leads from.
    weights = {run_id: sum(max(1, len(x)) for x in lists) or 1 for run_id, lists in inputs.items()}
    parents: dict[str, list[str]] = defaultdict(list)
    children: dict[str, list[str]] = defaultdict(list)
    for run_id in sorted(given):
        for parent in given[run_id]:
            if parent in inputs:
                parents[run_id] += [parent] * weights[parent]
                children[parent] += [run_id] * weights[parent]
    return parents, children


def _artifacts(conn: Connection, flow_run_id: str) -> Mapping[str | None, Sequence[RowMapping]]:
    """The artifacts of a flow run but for plain results, oldest first, by the task run that made them.

    `is_latest` says that it has no key, or that none of the same key is newer. Only progress comes with its `data`.
    """
    latest = and_(artifact_collections.c.latest_id == artifacts.c.id, artifact_collections.c.key == artifacts.c.key)
    is_latest = or_(artifacts.c.key.is_(None), artifact_collections.c.id.is_not(None)).label("is_latest")
    shown = case((artifacts.c.type == PROGRESS, artifacts.c.data)).label("data")
    columns = (artifacts.c[x] for x in ("task_run_id", "id", "created", "key", "type"))
    statement = (
        select(*columns, is_latest, shown)
        .select_from(artifacts.outerjoin(artifact_collections, latest))
        .where(artifacts.c.flow_run_id == flow_run_id, artifacts.c.type != "result")
        .order_by(artifacts.c.created, artifacts.c.id)
        .limit(MAX_ARTIFACTS)
    )
    found: dict[str | None, list[RowMapping]] = defaultdict(list)
    for row in conn.execute(statement).mappings():
        found[row["task_run_id"]].append(row)
    return found
