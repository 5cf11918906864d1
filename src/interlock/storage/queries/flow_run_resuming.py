"""Paused flow runs resumed: the decision, and the input that the run is told with it, in one transaction.

What lives here: that the two go together. What does not: whether the run may go on (orchestration/), and whether the
input is what it asked for (api/flow_run_resuming.py).
"""

from collections.abc import Callable
from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from interlock.orchestration.commands import SetFlowRunState
from interlock.orchestration.decision import Accept, FlowDecision
from interlock.orchestration.facts import Chance
from interlock.orchestration.refusals import ConflictError
from interlock.storage import ledger
from interlock.storage.queries import flow_run_inputs
from interlock.storage.queries.locks import lock
from interlock.storage.tables import flow_runs


class Input(msgspec.Struct, frozen=True):
    """What the run is told, and the key under which it looks for it."""

    key: str
    value: str


class Resumption(msgspec.Struct, frozen=True):
    """The way out of a pause: `pause_id` is the id of the state that is to end, and `input` None where the run is told
    nothing."""

    command: SetFlowRunState
    pause_id: str
    input: Input | None = None


def resume(
    conn: Connection, wanted: Resumption, clock: Callable[[], datetime], chance: Chance, slot_wait_seconds: int
) -> FlowDecision | None:
    """The decision, with the input stored where the run goes on; None where the run has left that pause before.

    Raises NotFoundError, and ConflictError where there is another input under the key.
    """
    run_id = wanted.command.flow_run_id
    lock(conn, flow_runs, flow_runs.c.id == run_id)
    found = conn.execute(select(flow_runs.c.state_id).where(flow_runs.c.id == run_id)).first()
    if found is not None and found.state_id != wanted.pause_id:
        return None
    (decision,) = ledger.carry_out(conn, [wanted.command], clock, chance, slot_wait_seconds)
    if isinstance(decision, Exception):
        raise decision
    assert isinstance(decision, FlowDecision)
    if wanted.input is not None and isinstance(decision.verdict, Accept):
        _tell(conn, run_id, wanted.input, chance.new_id(), clock())
    return decision


def _tell(conn: Connection, flow_run_id: str, told: Input, input_id: str, now: datetime) -> None:
    values = {"id": input_id, "flow_run_id": flow_run_id, "key": told.key, "value": told.value}
    if flow_run_inputs.create(conn, values, now) is not None:
        raise ConflictError(f"flow run {flow_run_id} can't take the input {told.key}")
