"""What the model remembers: runs, their states, limits, cache entries.

What lives here: plain records, changed in place. What does not: the rules (task_rules.py, flow_rules.py) and what
follows from a state (ledger.py). Nothing here comes from the server: the model is a second statement of what it does.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
TYPES = ("SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING", *sorted(ENDED))


@dataclass(frozen=True)
class Proposal:
    """A state that is asked for. `details` holds what differs from the wire's defaults; times are aware."""

    type: str
    name: str | None = None
    message: str | None = None
    data: Any = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def shown_name(self) -> str:
        return self.type.capitalize() if self.name is None else self.name

    def with_details(self, **details: Any) -> "Proposal":
        return replace(self, details=self.details | details)


@dataclass
class State:
    """A state that a run is or was in. `request` is the transition id of the request that led to it.

    `id` is None until the server has shown it.
    """

    type: str
    name: str
    timestamp: datetime
    message: str | None
    data: Any
    details: dict[str, Any]
    request: str | None = None
    id: str | None = None

    @property
    def has_ended(self) -> bool:
        return self.type in ENDED

    @property
    def keeps_a_result(self) -> bool:
        return self.type == "COMPLETED" and bool(self.data)


@dataclass
class Run:
    """What task runs and flow runs have in common. `delay` is that of retries: seconds, or a list of them."""

    id: str
    created: datetime
    tags: tuple[str, ...]
    retries: int | None
    delay: Any
    states: list[State] = field(default_factory=list)
    run_count: int = 0
    start_time: datetime | None = None
    end_time: datetime | None = None
    expected_start_time: datetime | None = None
    next_scheduled_start_time: datetime | None = None
    total_run_time: float = 0.0

    @property
    def state(self) -> State | None:
        return self.states[-1] if self.states else None

    @property
    def type(self) -> str | None:
        """The type of the current state."""
        return self.states[-1].type if self.states else None

    def has_taken(self, proposal: Proposal) -> bool:
        """Whether the same request has led to a state of this run, be it the current one or not."""
        wanted = proposal.details.get("transition_id")
        return wanted is not None and any(state.request == wanted for state in self.states)


@dataclass(kw_only=True)
class FlowRun(Run):
    """A flow run. The last three are what pauses and retries leave in its policy."""

    flow_id: str
    idempotency_key: str | None
    parent_task_run_id: str | None
    deployment_id: str | None
    pause_keys: set[str] = field(default_factory=set)
    resuming: bool = False
    retry_type: str | None = None


@dataclass(kw_only=True)
class TaskRun(Run):
    """A task run, of a flow run or a background one."""

    flow_run_id: str | None
    task_key: str
    dynamic_key: str
    flow_run_run_count: int = 0

    @property
    def key(self) -> tuple[str | None, str, str]:
        return self.flow_run_id, self.task_key, self.dynamic_key


@dataclass
class Limit:
    """A tag's concurrency limit, and who holds its slots."""

    size: int
    holders: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class CacheEntry:
    """A completed state of a task run, for those who propose its key until it expires."""

    expiration: datetime | None
    task_run_id: str
    state: State


@dataclass(frozen=True)
class Facts:
    """What the rules for a task run look at: its flow run, if it has one, the limits on its tags, and the state that
    is cached under the proposed key."""

    now: datetime
    flow_run: FlowRun | None
    limits: dict[str, Limit]
    cached: State | None


@dataclass(frozen=True)
class Outcome:
    """What the rules make of a proposal: the verdict, and the state that is written, if any.

    `delay` is WAIT's, in seconds. Of a task run, `takes_slots` says that it holds slots from now on. `starts_over`: a
    task run's attempts are counted anew, a flow run's pauses are forgotten and `retry_type` tells why. Of a flow run,
    `resumes` says that it leaves a pause, and `pause_key` is that of the pause it goes to.
    """

    verdict: str
    written: Proposal | None = None
    delay: int | None = None
    takes_slots: bool = False
    starts_over: bool = False
    retry_type: str | None = None
    resumes: bool = False
    pause_key: str | None = None


ABORT = Outcome("ABORT")
REJECT = Outcome("REJECT")


def accept(proposal: Proposal) -> Outcome:
    return Outcome("ACCEPT", proposal)


def instead(proposal: Proposal) -> Outcome:
    """Another state is written in the place of the proposed one."""
    return Outcome("REJECT", proposal)
