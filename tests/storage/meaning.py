"""What a criterion means, told a second time: in plain Python, for rows at hand.

What lives here: the meaning, and random criteria to compare it with the SQL. What does not: the rows (world.py).
"""

import json
import re
from typing import Any

from hypothesis import strategies as st

from interlock.orchestration.states import StateType
from interlock.storage.filters import (
    And,
    AnyOf,
    Between,
    Criterion,
    FieldAnyOf,
    HasAllTags,
    HasAnyTag,
    IsNull,
    Like,
    NoneOf,
    Or,
    Related,
    Untagged,
    all_of,
    any_of,
)
from tests.storage.world import CREATORS, GONE, IDS, NAMES, NOON, STATE_NAMES, TAGS, TEXTS, Rows

RELATED = {
    "task_runs": {
        "flow_run": ("flow_runs", "flow_run_id", "id"),
        "state": ("task_run_states", "state_id", "id"),
        "subflow_run": ("flow_runs", "id", "parent_task_run_id"),
    },
    "flow_runs": {
        "flow": ("flows", "flow_id", "id"),
        "state": ("flow_run_states", "state_id", "id"),
        "deployment": ("deployments", "deployment_id", "id"),
        "work_queue": ("work_queues", "work_queue_id", "id"),
        "parent_task_run": ("task_runs", "parent_task_run_id", "id"),
        "task_runs": ("task_runs", "id", "flow_run_id"),
    },
    "flows": {"flow_runs": ("flow_runs", "id", "flow_id"), "deployments": ("deployments", "id", "flow_id")},
    "deployments": {
        "flow": ("flows", "flow_id", "id"),
        "flow_runs": ("flow_runs", "id", "deployment_id"),
        "work_queue": ("work_queues", "work_queue_id", "id"),
    },
    "work_queues": {"work_pool": ("work_pools", "work_pool_id", "id")},
    "work_pools": {},
    "task_run_states": {},
    "flow_run_states": {},
}
"""For each noun its relations: the other noun, and which column of the one is which of the other."""


def holds(rows: Rows, noun: str, row: dict[str, Any], criterion: Criterion) -> bool:
    """Whether the criterion holds for a row."""
    match criterion:
        case And(criteria):
            return all(holds(rows, noun, row, x) for x in criteria)
        case Or(criteria):
            return any(holds(rows, noun, row, x) for x in criteria)
        case AnyOf(column, values):
            return row[column] is not None and row[column] in values
        case NoneOf(column, values):
            return not values or (row[column] is not None and row[column] not in values)
        case Like(column, pattern):
            return row[column] is not None and _is_like(row[column], pattern)
        case Between(column, earliest, latest):
            time = row[column]
            return time is not None and (earliest or time) <= time <= (latest or time)
        case IsNull(column, null):
            return (row[column] is None) == null
        case HasAllTags(tags):
            return set(tags) <= set(row["tags"])
        case HasAnyTag(tags):
            return bool(set(tags) & set(row["tags"]))
        case FieldAnyOf(column, field, values):
            return row[column] is not None and json.loads(row[column]).get(field) in values
        case Untagged(untagged):
            return (row["tags"] == []) == untagged
        case Related(relation, inner, exists):
            other, local, remote = RELATED[noun][relation]
            ends = (x for x in rows[other].values() if row[local] is not None and x[remote] == row[local])
            return any(holds(rows, other, x, inner) for x in ends) == exists


def _is_like(text: str, pattern: str) -> bool:
    """Only the letters of ASCII are the same in any case."""
    wildcards = {"%": ".*", "_": "."}
    parts = (wildcards.get(x) or f"[{re.escape(x)}{re.escape(x.swapcase())}]" if x.isascii() else x for x in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


_TIMES = st.sampled_from([NOON.replace(hour=11 + minute // 60, minute=minute % 60) for minute in range(25, 100, 5)])


def _among(values: Any) -> Any:
    return st.lists(st.sampled_from(values), max_size=4, unique=True).map(tuple)


def _texts(column: str, values: Any) -> Any:
    return st.builds(AnyOf, st.just(column), _among(values)) | st.builds(NoneOf, st.just(column), _among(values))


def _ids(column: str, noun: str) -> Any:
    return _texts(column, (*IDS[noun], GONE)) | _nulls(column)


def _nulls(column: str) -> Any:
    return st.builds(IsNull, st.just(column), st.booleans())


def _times(column: str) -> Any:
    bounds = st.tuples(_TIMES, st.none() | _TIMES) | st.tuples(st.none(), _TIMES)
    return bounds.map(lambda x: Between(column, *x)) | _nulls(column)


_NAME = _texts("name", NAMES) | st.builds(
    Like, st.just("name"), st.sampled_from(["%a%", "%ALPHA%", "be_ta%", "%be%ta%", "%ü%", "%N%", "%\\%", "", "%"])
)
_MESSAGE = st.builds(Like, st.just("message"), st.sampled_from(["%FINE%", "%", "%100%", "it%"]))
_TAGGED = (
    st.builds(HasAllTags, _among((*TAGS, "none")))
    | st.builds(HasAnyTag, _among((*TAGS, "none")))
    | st.builds(Untagged, st.booleans())
)
_CREATED = st.builds(FieldAnyOf, st.just("created_by"), st.sampled_from(["type", "id"]), _among((*CREATORS, "none")))
_STATE = _texts("state_type", [x.value for x in StateType]) | _texts("state_name", (*STATE_NAMES, "Failed"))
_RUN = _NAME | _TAGGED | _STATE | _times("start_time") | _times("expected_start_time") | _times("end_time")
LEAVES = {
    "task_runs": _RUN | _ids("id", "task_runs") | _ids("flow_run_id", "flow_runs"),
    "flow_runs": _RUN
    | _ids("id", "flow_runs")
    | _ids("deployment_id", "deployments")
    | _ids("parent_task_run_id", "task_runs")
    | _texts("flow_version", TEXTS)
    | _texts("idempotency_key", ("key 01", "key 02", "key 03"))
    | _nulls("work_queue_name")
    | _nulls("created_by")
    | _CREATED
    | _times("next_scheduled_start_time"),
    "flows": _NAME | _TAGGED | _ids("id", "flows"),
    "deployments": _NAME
    | _TAGGED
    | _ids("id", "deployments")
    | st.builds(AnyOf, st.just("paused"), _among((True, False)))
    | _texts("work_queue_name", TEXTS),
    "work_queues": _NAME | _ids("id", "work_queues"),
    "work_pools": _ids("id", "work_pools") | _texts("type", TEXTS),
    "task_run_states": _MESSAGE,
    "flow_run_states": _MESSAGE,
}


def criteria(noun: str, depth: int = 2) -> Any:
    """Random criteria about a noun, with those about its relations."""
    parts = LEAVES[noun]
    if depth:
        for relation, (other, _, _) in RELATED[noun].items():
            parts |= st.builds(
                Related, st.just(relation), st.deferred(lambda x=other: criteria(x, depth - 1)), st.booleans()
            )
    lists = st.lists(parts, max_size=3)
    return parts | lists.map(lambda x: all_of(*x)) | lists.map(lambda x: any_of(*x)) | _nested(parts)


def _nested(parts: Any) -> Any:
    """Any of some, among all of some."""
    some = st.lists(parts, min_size=1, max_size=2).map(lambda x: any_of(*x))
    return st.lists(some, min_size=1, max_size=2).map(lambda x: all_of(*x))
