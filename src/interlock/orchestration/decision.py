"""What the decision core answers: verdicts of single rules, and the decision with everything that is to be written.

A decision is data alone. Writing it down is the store's work (storage/), spelling it on the wire is the API's.
"""

from datetime import datetime

import msgspec

from interlock.orchestration.concurrency_leases import Grant, Lease
from interlock.orchestration.events import Event
from interlock.orchestration.runs import FlowRun, TaskRun
from interlock.orchestration.states import Proposal, State


class Accept(msgspec.Struct, frozen=True):
    """The transition goes ahead."""


class Reject(msgspec.Struct, frozen=True):
    """The transition is refused. `proposal` is the state to take instead, None for the one that the run is in."""

    reason: str
    proposal: Proposal | None = None


class Wait(msgspec.Struct, frozen=True):
    """Not yet: ask again after `delay_seconds`."""

    reason: str
    delay_seconds: int


class Abort(msgspec.Struct, frozen=True):
    """The transition is refused, and the caller is to stop working on the run."""

    reason: str


Verdict = Accept | Reject | Wait | Abort


class Ruling(msgspec.Struct, frozen=True):
    """The rules that had something to say, by their names and in the order in which they were asked: `by` gave the
    verdict, None where nobody objected; `besides` changed something about the transition that goes through."""

    by: str | None = None
    besides: tuple[str, ...] = ()


NO_OBJECTION = Ruling()


class TakeSlot(msgspec.Struct, frozen=True):
    """The task run holds a slot of the tag's concurrency limit from now on."""

    tag: str
    task_run_id: str


class ReleaseSlots(msgspec.Struct, frozen=True):
    """The task run gives back the slots it holds under these tags."""

    tags: tuple[str, ...]
    task_run_id: str


class RememberCacheKey(msgspec.Struct, frozen=True):
    """Later runs that propose this key take this state, until it expires."""

    cache_key: str
    expiration: datetime | None
    state: State


class Enqueue(msgspec.Struct, frozen=True):
    """The background task run waits for a worker from now on; `front`: ahead of those that came before it."""

    task_run_id: str
    task_key: str
    due: datetime | None
    front: bool = False


Effect = TakeSlot | ReleaseSlots | RememberCacheKey | Enqueue


class LeaseSlot(msgspec.Struct, frozen=True):
    """A flow run holds a slot of its deployment's limit from now on, by a lease."""

    lease: Lease
    grant: Grant


class RenewLease(msgspec.Struct, frozen=True):
    """The lease lasts until another time."""

    lease_id: str
    expires: datetime


class EndLease(msgspec.Struct, frozen=True):
    """The lease has ended, and its slots are free."""

    lease_id: str
    at: datetime


FlowEffect = LeaseSlot | RenewLease | EndLease


class TaskDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A decided transition of a task run.

    `run` holds its values afterwards; `written` tells whether `run.state` is new and must be stored, `created` whether
    the run itself is. `state` is what the caller is answered with: the run's state, but with unpersisted data echoed,
    which is not stored. `stale` is a state to be stored that is older than the one that the run is in. `rewritten`
    tells that more of the run may have changed than transitions change. `ruling` tells where the verdict comes from.
    """

    run: TaskRun
    verdict: Verdict = Accept()
    ruling: Ruling = NO_OBJECTION
    written: bool = False
    created: bool = False
    state: State | None = None
    effects: tuple[Effect, ...] = ()
    stale: State | None = None
    rewritten: bool = False

    @property
    def enqueues(self) -> bool:
        """Whether the run waits for a worker from now on."""
        return any(isinstance(x, Enqueue) for x in self.effects)


class FlowDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A decided transition of a flow run; the fields are those of TaskDecision.

    `followers` are the transitions of task runs that follow from it: a subflow's parent task run, and for old clients
    the failed task runs of a flow run that is retried.
    """

    run: FlowRun
    verdict: Verdict = Accept()
    ruling: Ruling = NO_OBJECTION
    written: bool = False
    created: bool = False
    state: State | None = None
    followers: tuple[TaskDecision, ...] = ()
    effects: tuple[FlowEffect, ...] = ()


class EventDecision(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is to be kept, unless it is already."""

    event: Event


Decision = TaskDecision | FlowDecision | EventDecision
