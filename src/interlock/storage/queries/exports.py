"""Task runs as plain rows, for those who want all of them.

What lives here: the columns, and the walk through them by id. What does not: what is made of a row
(api/schemas/exports.py). A row is not made into records first: that takes as long as all the rest.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, cast, select

from interlock.storage.filters import Criterion, Order
from interlock.storage.queries.runs_filter import on_the_way
from interlock.storage.rows import TASK_RUNS_WITH_STATES
from interlock.storage.tables import task_run_states, task_runs
from interlock.storage.types import JsonText
from interlock.storage.walks import Leg, Place, leg

_RUN, _STATE = task_runs.c, task_run_states.c
COLUMNS: dict[str, ColumnElement[Any]] = {
    **{x: _RUN[x] for x in ("id", "created", "updated", "name", "flow_run_id", "task_key", "dynamic_key")},
    **{x: _RUN[x] for x in ("cache_key", "cache_expiration", "task_version", "empirical_policy")},
    "tags": cast(_RUN.tags, JsonText),
    "labels": _RUN.labels,
    "state_id": _STATE.id,
    "task_inputs": _RUN.task_inputs,
    "state_type": _STATE.type,
    "state_name": _STATE.name,
    **{x: _RUN[x] for x in ("run_count", "flow_run_run_count", "expected_start_time", "next_scheduled_start_time")},
    **{x: _RUN[x] for x in ("start_time", "end_time", "total_run_time")},
    "state_timestamp": _STATE.timestamp,
    "state_message": _STATE.message,
    "state_data": _STATE.data,
    "state_details": _STATE.state_details,
}
"""What a row holds, in this order. Policies, tags, labels, inputs, and a state's data and details are JSON texts."""

_ORDER = Order("id")


def next_rows(conn: Connection, criterion: Criterion, limit: int, after: Place | None) -> Leg[Row[Any]]:
    """Rows of COLUMNS and something more, by their ids."""
    wanted = on_the_way(conn, task_runs, criterion)
    whole = select(*COLUMNS.values(), _RUN.id.label("place")).select_from(TASK_RUNS_WITH_STATES)

    def statement(stretch: ColumnElement[bool], most: int) -> Select[Any]:
        return whole.where(wanted, stretch).order_by(_RUN.id).limit(most)

    return leg(conn, task_runs, _ORDER, limit, after, statement)
