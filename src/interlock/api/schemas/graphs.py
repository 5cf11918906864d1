"""Graphs of flow runs on the wire, in the two forms that clients know."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from pydantic import Field
from sqlalchemy import RowMapping

from interlock.api.schemas.base import Answer, Id, Timestamp
from interlock.api.schemas.states import StateAnswer, encode_state
from interlock.api.schemas.task_runs import estimated_run_time
from interlock.orchestration.runs import TaskRun
from interlock.orchestration.states import StateType
from interlock.storage.queries.graph import Graph, Node


class ResultAnswer(Answer):
    """The result of a task run, as an input of another."""

    input_type: Literal["task_run"]
    id: Id


class DependencyAnswer(Answer):
    """A task run, and those whose results it was given. Durations are in seconds."""

    id: Id
    name: str
    upstream_dependencies: list[ResultAnswer]
    state: StateAnswer | None
    expected_start_time: Timestamp | None
    start_time: Timestamp | None
    end_time: Timestamp | None
    total_run_time: float
    estimated_run_time: float
    untrackable_result: bool


class GraphStateAnswer(Answer):
    id: Id
    timestamp: Timestamp
    type: StateType
    name: str


class GraphArtifactAnswer(Answer):
    id: Id
    created: Timestamp
    key: str | None
    type: str
    is_latest: bool
    data: Any = Field(description="Of progress alone.")


class EdgeAnswer(Answer):
    id: Id


class NodeAnswer(Answer):
    """A task run, or a subflow in the place of the task run that stands for it."""

    kind: Literal["flow-run", "task-run"]
    id: Id
    label: str
    state_type: StateType
    start_time: Timestamp
    end_time: Timestamp | None
    parents: list[EdgeAnswer]
    children: list[EdgeAnswer]
    artifacts: list[GraphArtifactAnswer]


class GraphAnswer(Answer):
    """What ran in a flow run, and which results went where."""

    start_time: Timestamp | None
    end_time: Timestamp | None
    root_node_ids: list[Id]
    nodes: list[tuple[Id, NodeAnswer]]
    artifacts: list[GraphArtifactAnswer]
    states: list[GraphStateAnswer]


def encode_dependencies(run: TaskRun, now: datetime) -> dict[str, Any]:
    """A task run and what it depends on."""
    inputs = (x for given in msgspec.json.decode(run.task_inputs).values() for x in given)
    results = dict.fromkeys(x["id"] for x in inputs if "id" in x)
    return {
        "id": run.id,
        "name": run.name,
        "upstream_dependencies": [{"input_type": "task_run", "id": x} for x in results],
        "state": encode_state(run.state),
        "expected_start_time": run.expected_start_time,
        "start_time": run.start_time,
        "end_time": run.end_time,
        "total_run_time": run.total_run_time,
        "estimated_run_time": estimated_run_time(run, now),
        "untrackable_result": run.state is not None and run.state.details.untrackable_result,
    }


def encode_graph(graph: Graph) -> dict[str, Any]:
    """A graph with its nodes."""
    return {
        "start_time": graph.start_time,
        "end_time": graph.end_time,
        "root_node_ids": [x.id for x in graph.nodes if not x.parents],
        "nodes": [(x.id, _encode_node(x)) for x in graph.nodes],
        "artifacts": [_encode_artifact(x) for x in graph.artifacts],
        "states": [{"id": x.id, "timestamp": x.timestamp, "type": x.type, "name": x.name} for x in graph.states],
    }


def _encode_node(node: Node) -> dict[str, Any]:
    return {
        "kind": "flow-run" if node.is_subflow else "task-run",
        "id": node.id,
        "label": node.label,
        "state_type": node.state_type,
        "start_time": node.start_time,
        "end_time": node.end_time,
        "parents": [{"id": x} for x in node.parents],
        "children": [{"id": x} for x in node.children],
        "artifacts": [_encode_artifact(x) for x in node.artifacts],
    }


def _encode_artifact(row: RowMapping) -> dict[str, Any]:
    return {name: row[name] for name in ("id", "created", "key", "type", "is_latest", "data")}
