"""Inputs of flow runs, each under a key that is unique in its flow run."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum, auto
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, insert, select

from interlock.storage.expressions import matches
from interlock.storage.queries import flow_runs
from interlock.storage.tables import flow_run_inputs as inputs


class Refusal(Enum):
    """Why an input was not created."""

    KEY_TAKEN = auto()
    NO_FLOW_RUN = auto()


def create(conn: Connection, values: dict[str, Any], now: datetime) -> Refusal | None:
    """Store an input, or tell why not. `values` are its columns without the times."""
    if value(conn, values["flow_run_id"], values["key"]) is not None:
        return Refusal.KEY_TAKEN
    if not flow_runs.exists(conn, values["flow_run_id"]):
        return Refusal.NO_FLOW_RUN
    conn.execute(insert(inputs), values | {"created": now, "updated": now})
    return None


def value(conn: Connection, flow_run_id: str, key: str) -> str | None:
    """The value under a key."""
    return conn.execute(select(inputs.c.value).where(_named(flow_run_id, key))).scalar()


def by_prefix(
    conn: Connection, flow_run_id: str, prefix: str, excluded: Sequence[str], limit: int | None
) -> Sequence[RowMapping]:
    """Inputs whose keys begin like the prefix, oldest first; at most `limit`, None for all.

    `%` and `_` in the prefix are wildcards, and case does not matter.
    """
    chosen = and_(
        inputs.c.flow_run_id == flow_run_id, matches(inputs.c.key, prefix + "%"), inputs.c.key.not_in(excluded)
    )
    statement = select(inputs).where(chosen).order_by(inputs.c.created, inputs.c.id).limit(limit)
    return conn.execute(statement).mappings().all()


def delete_one(conn: Connection, flow_run_id: str, key: str) -> bool:
    """Delete the input under a key; whether it existed."""
    return conn.execute(delete(inputs).where(_named(flow_run_id, key))).rowcount > 0


def _named(flow_run_id: str, key: str) -> ColumnElement[bool]:
    return and_(inputs.c.flow_run_id == flow_run_id, inputs.c.key == key)
