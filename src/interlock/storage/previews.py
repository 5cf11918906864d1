"""What a proposed state would lead to, by what the tables hold now.

What lives here: the ledger's own load in a transaction that only reads, and the pure preview. What does not: anything
that writes, or that locks.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from interlock.orchestration import previews
from interlock.orchestration.commands import SetFlowRunState, SetTaskRunState
from interlock.orchestration.facts import Chance, Moment
from interlock.orchestration.previews import Preview
from interlock.storage import ledger
from interlock.storage.prepared import only_reading


def preview(
    conn: Connection,
    command: SetTaskRunState | SetFlowRunState,
    clock: Callable[[], datetime],
    chance: Chance,
    slot_wait_seconds: int,
) -> Preview:
    """What would become of the command if it were carried out now; raises a Refusal where it would."""
    with only_reading(conn):
        facts = ledger.load(conn, [command], clock(), slot_wait_seconds)
    return previews.preview(command, facts, Moment(clock(), chance))
