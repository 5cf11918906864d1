"""Work pools and their queues: the order of queues, and the slots that their runs take.

What lives here: how queues keep priorities of their own, and the rule that no more runs are submitted than the limits
of a queue and of its pool allow. What does not: which runs are offered to whom (storage/queries/work_polls.py).

Two workers that poll at once are offered the same runs: the transition to PENDING decides who gets one. It decides
about slots too. Polls leave out what has no slot by then, but between a poll and its worker's transition others may
take the last one. A run that finds none is refused and stays as it is, SCHEDULED: workers and agents of both lines
then let go of it, and it is offered again once there is a slot. A slot is taken by each run that is PENDING or RUNNING,
so there is nothing to give back, and nothing to lose.
"""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from interlock.orchestration.decision import Reject
from interlock.orchestration.facts import FlowFacts, Moment, WorkLimit
from interlock.orchestration.runs import FlowRun
from interlock.orchestration.states import StateType
from interlock.orchestration.transition import FlowTransition

BUSY = frozenset({StateType.PENDING, StateType.RUNNING})
"""The types of state in which a run takes a slot of its queue and its pool."""


class Ranked(msgspec.Struct, frozen=True):
    """A queue and its priority, from 1 on; the lowest number goes first."""

    id: str
    priority: int


def free_priority(taken: Sequence[int]) -> int:
    """The first priority that no queue has."""
    return next(x for x in range(1, len(taken) + 2) if x not in set(taken))


def with_priority(queues: Sequence[Ranked], queue_id: str, priority: int) -> list[Ranked]:
    """The queues whose priorities change so that one gets the priority it wants: others make way for it, no further
    than they must, and keep their order."""
    others = sorted((x for x in queues if x.id != queue_id), key=lambda x: x.priority)
    ahead = [x for x in others if x.priority < priority]
    before = {x.id: x.priority for x in queues}
    changed, last = [], 0
    for x in [*ahead, Ranked(queue_id, priority), *others[len(ahead) :]]:
        last = max(x.priority, last + 1)
        if before.get(x.id) != last:
            changed.append(Ranked(x.id, last))
    return changed


def is_busy(run: FlowRun | None) -> bool:
    """Whether the run takes a slot of its queue and its pool."""
    return run is not None and run.state is not None and run.state.type in BUSY


def secure_work_slot(transition: FlowTransition, facts: FlowFacts, moment: Moment) -> Reject | None:
    """A run is submitted only while its work queue and its work pool have slots left; otherwise it goes on waiting."""
    full = next((x for x in facts.work_limits if x.taken >= x.limit), None)
    if full is None:
        return None
    return Reject(f"The concurrency limit of {full.limit} of the {full.of} is reached.")


class WorkLimits(msgspec.Struct):
    """The limits of queues and pools by their ids, and which of them hold for the runs of each queue. For one batch."""

    limits: dict[str, WorkLimit] = msgspec.field(default_factory=dict)
    of_queues: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)

    def of(self, run: FlowRun) -> tuple[WorkLimit, ...]:
        """The limits that hold for a run."""
        return tuple(self.limits[x] for x in self.of_queues.get(run.work_queue_id or "", ()))

    def follow(self, before: FlowRun | None, after: FlowRun) -> None:
        """Count the slot that a run has taken or given back."""
        taken = is_busy(after) - is_busy(before)
        for x in self.of_queues.get(after.work_queue_id or "", ()):
            self.limits[x] = replace(self.limits[x], taken=self.limits[x].taken + taken)
