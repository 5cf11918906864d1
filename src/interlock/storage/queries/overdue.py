"""Flow runs whose time has come without anybody taking note.

What lives here: those that should have begun, and those that should have been resumed. What does not: what becomes of
them (engine/services).
"""

from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, select, text

from interlock.orchestration.states import StateDetails
from interlock.storage.tables import flow_run_states, flow_runs

NOT_LATE = text("flow_runs.state_name = 'Scheduled'")
PAUSED = text("coalesce(flow_runs.state_type, '') = 'PAUSED'")
"""As partial indexes have it, word by word."""


class Overdue(NamedTuple):
    """A flow run, the id of its state, and the time that is past."""

    flow_run_id: str
    state_id: str
    time: datetime


class Paused(NamedTuple):
    """So many paused flow runs: those whose time to be resumed is past, and the id of the last of all that were looked
    at, None where these were the last there are."""

    expired: list[Overdue]
    last: str | None


def late(conn: Connection, before: datetime, limit: int) -> list[Overdue]:
    """So many flow runs that were to begin by then, are still Scheduled, and are not marked late; the oldest first."""
    time = flow_runs.c.next_scheduled_start_time
    statement = select(flow_runs.c.id, flow_runs.c.state_id, time).where(NOT_LATE, time <= before).order_by(time)
    return [Overdue(*row) for row in conn.execute(statement.limit(limit))]


def expired_pauses(conn: Connection, after: str, now: datetime, limit: int) -> Paused:
    """Look at so many paused flow runs, those of the next ids after this one. A pause without an end has none."""
    state = flow_run_states.c
    statement = (
        select(flow_runs.c.id, flow_runs.c.state_id, state.state_details)
        .join(flow_run_states, state.id == flow_runs.c.state_id)
        .where(PAUSED, flow_runs.c.id > after)
    )
    found = conn.execute(statement.order_by(flow_runs.c.id).limit(limit)).all()
    timed = [(run_id, state_id, _timeout(details)) for run_id, state_id, details in found]
    expired = [Overdue(x, y, timeout) for x, y, timeout in timed if timeout is not None and timeout < now]
    return Paused(expired, found[-1][0] if len(found) == limit else None)


def _timeout(details: str) -> datetime | None:
    return msgspec.json.decode(details, type=StateDetails).pause_timeout
