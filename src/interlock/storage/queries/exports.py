"""Runs as plain rows, for those who want all of them.

What lives here: the columns of both kinds of run, and the walk through them by id. What does not: what is made of a row
(api/schemas/exports.py). A row is not made into records first: that takes as long as all the rest.
"""

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, Table, cast, select

from interlock.storage.filters import Criterion, Order
from interlock.storage.queries.runs_filter import on_the_way
from interlock.storage.rows import FLOW_RUNS_WITH_STATES, TASK_RUNS_WITH_STATES
from interlock.storage.tables import flow_run_states, flow_runs, task_run_states, task_runs, work_pools, work_queues
from interlock.storage.types import JsonText
from interlock.storage.walks import Leg, Place, leg


class RunRows(msgspec.Struct, frozen=True):
    """How the runs of a table are read as rows: from where, and what a row holds, in this order. Lists and objects are
    JSON texts."""

    runs: Table
    source: FromClause
    columns: dict[str, ColumnElement[Any]]


def _columns(runs: Table, states: Table, *names: str, **others: ColumnElement[Any]) -> dict[str, ColumnElement[Any]]:
    """The named columns of the runs, but for those that others stand for, and what goes only with the current state."""
    run, state = runs.c, states.c
    others |= {"tags": cast(run.tags, JsonText)}
    others |= {"state_id": state.id, "state_type": state.type, "state_name": state.name}
    whole_state = {f"state_{x}": state[x] for x in ("timestamp", "message", "data")}
    own = {x: others[x] if x in others else run[x] for x in names}
    return {**own, **whole_state, "state_details": state.state_details}


_TIMES = ("expected_start_time", "next_scheduled_start_time", "start_time", "end_time", "total_run_time")

TASK_RUN_ROWS = RunRows(
    task_runs,
    TASK_RUNS_WITH_STATES,
    _columns(
        *(task_runs, task_run_states),
        *("id", "created", "updated", "name", "flow_run_id", "task_key", "dynamic_key", "cache_key"),
        *("cache_expiration", "task_version", "empirical_policy", "tags", "labels", "state_id", "task_inputs"),
        *("state_type", "state_name", "run_count", "flow_run_run_count", *_TIMES),
    ),
)
FLOW_RUN_ROWS = RunRows(
    flow_runs,
    FLOW_RUNS_WITH_STATES.outerjoin(work_queues, work_queues.c.id == flow_runs.c.work_queue_id).outerjoin(
        work_pools, work_pools.c.id == work_queues.c.work_pool_id
    ),
    _columns(
        *(flow_runs, flow_run_states),
        *("id", "created", "updated", "name", "flow_id", "state_id", "deployment_id", "deployment_version"),
        *("work_queue_id", "work_queue_name", "flow_version", "parameters", "idempotency_key", "context"),
        *("empirical_policy", "tags", "labels", "parent_task_run_id", "state_type", "state_name", "run_count"),
        *(*_TIMES, "auto_scheduled", "infrastructure_document_id", "infrastructure_pid", "created_by"),
        *("work_pool_id", "work_pool_name", "job_variables"),
        work_pool_id=work_pools.c.id,
        work_pool_name=work_pools.c.name,
    ),
)

_ORDER = Order("id")


def next_rows(conn: Connection, rows: RunRows, criterion: Criterion, limit: int, after: Place | None) -> Leg[Row[Any]]:
    """Rows of the columns and something more, by the runs' ids."""
    wanted = on_the_way(conn, rows.runs, criterion)
    run_id = rows.runs.c.id
    whole = select(*rows.columns.values(), run_id.label("place")).select_from(rows.source)

    def statement(stretch: ColumnElement[bool], most: int) -> Select[Any]:
        return whole.where(wanted, stretch).order_by(run_id).limit(most)

    return leg(conn, rows.runs, _ORDER, limit, after, statement)
