"""What a caller may ask the decision core to decide: create a run, set its state, or record one that
it is in; and to keep an event.

A command is data alone. Everything else that it takes to decide it is looked up as facts (facts.py).
"""

import msgspec

from interlock.orchestration.events import Event
from interlock.orchestration.runs import FlowRun, TaskRun
from interlock.orchestration.states import Proposal, State


class CreateTaskRun(msgspec.Struct, frozen=True, kw_only=True):
    """Create a task run and put it in its first state.

    `run` is a draft: it has no state, and its times are set by the decision. A run of the same flow run, task key and
    dynamic key, or without a flow run of the same two keys, is returned as it is instead.
    """

    run: TaskRun
    proposal: Proposal


class SetTaskRunState(msgspec.Struct, frozen=True, kw_only=True):
    """Move a task run to another state. `force` skips the rules that protect it, except for background runs.

    `only_from` is the id of the state that it is to be moved from: one that has moved on stays where it is.
    """

    task_run_id: str
    proposal: Proposal
    force: bool = False
    only_from: str | None = None


class CreateFlowRun(msgspec.Struct, frozen=True, kw_only=True):
    """Create a flow run and, where a state is proposed, put it in its first state.

    `run` is a draft, as in CreateTaskRun. A run of the same flow and idempotency key is returned as it is instead.
    """

    run: FlowRun
    proposal: Proposal | None
    api_version: tuple[int, int, int] | None = None


class SlotTerms(msgspec.Struct, frozen=True, kw_only=True):
    """How a flow run comes by a slot of its deployment's limit, and keeps it.

    `renews`: its client says from time to time that it still runs, and the slot is free again where it does not.
    `wait_seconds` is for how long it is put off while there is no slot; `lease_seconds` how long it may take to begin
    where its deployment doesn't say.
    """

    renews: bool = False
    wait_seconds: float = 30
    lease_seconds: float = 300


SLOT_TERMS = SlotTerms()


class SetFlowRunState(msgspec.Struct, frozen=True, kw_only=True):
    """Move a flow run to another state. `api_version` is the caller's, None where it named none.

    `only_from` is as in SetTaskRunState.
    """

    flow_run_id: str
    proposal: Proposal
    force: bool = False
    marking_late: bool = False
    only_from: str | None = None
    api_version: tuple[int, int, int] | None = None
    slot_terms: SlotTerms = SLOT_TERMS


class RecordTaskRunState(msgspec.Struct, frozen=True, kw_only=True):
    """Record a state that a client itself has put a task run in, and what it says of the run by then.

    `run` is a draft with all that is said and defaults for the rest; `said` names what is said beside its id, its keys
    and its state. The state has the id that its client gave it, by which it is recorded once.
    """

    run: TaskRun
    said: frozenset[str]
    state: State


class RecordEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Keep an event that tells of no state of a run. Its sender gave it an id, by which it is kept once."""

    event: Event


Proposing = CreateTaskRun | SetTaskRunState | CreateFlowRun | SetFlowRunState
"""The commands that propose a state, which the rules decide on."""

Command = Proposing | RecordTaskRunState | RecordEvent
