"""What a rule may read beside the transition itself, and where chance comes in.

Facts are gathered by the batch (batch.py) from what the store loaded and from what earlier commands of the same
batch were granted.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from interlock.orchestration.concurrency_leases import Lease
from interlock.orchestration.global_limits import GlobalLimit
from interlock.orchestration.runs import FlowRun, TaskRun
from interlock.orchestration.states import State

TICK = timedelta(microseconds=1)


class TagLimit(msgspec.Struct, frozen=True):
    """A concurrency limit on a tag, how many of its slots are taken, and whether this run holds one of them: by a
    transition (`held`), or by a lease that its client has (`leased`). One that is not active limits nothing."""

    tag: str
    limit: int
    taken: int
    held: bool = False
    leased: bool = False
    active: bool = True


class TaskFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The facts for a task run's transition.

    `repeated` says that the very same request has made a state of the run before. `flow_run` is None where the run has
    none or where it is gone. `limits` are those on the run's tags. `cached` is the newest unexpired state remembered
    under the proposed cache key. `slot_wait_seconds` is the operator's setting for how long a run is told to wait for a
    full limit.
    """

    repeated: bool = False
    flow_run: FlowRun | None = None
    limits: tuple[TagLimit, ...] = ()
    cached: State | None = None
    slot_wait_seconds: int = 30


class RecordFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The facts for recording a state that a client tells of.

    `run` is the run that it belongs to, None where there is none yet. `may_take_keys` is False where another run has
    the keys that the client names. `knows_flow_run` is True also where the client names none. `is_known` says that the
    state is recorded already. `limits` are those on the tags of the run.
    """

    run: TaskRun | None = None
    may_take_keys: bool = True
    knows_flow_run: bool = True
    is_known: bool = False
    limits: tuple[TagLimit, ...] = ()


class DeploymentLimit(msgspec.Struct, frozen=True, kw_only=True):
    """The active limit on the runs of a deployment, as it is now. `grace_seconds` is how long a run with a slot may
    take to begin, None where the deployment doesn't say; `cancels_new` says that no run waits for a slot."""

    limit: GlobalLimit
    grace_seconds: int | None = None
    cancels_new: bool = False


class WorkLimit(msgspec.Struct, frozen=True):
    """The limit of a work queue or a work pool, as `of` says, and how many of its slots are taken."""

    of: str
    limit: int
    taken: int


class FlowFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The facts for a flow run's transition.

    `repeated` says that the very same request has made a state of the run before. `parent` is its parent task run, and
    `failed_task_runs` are, for an old client's retry, its FAILED task runs; with each the facts for its own (forced)
    transition. `limit` is that of its deployment, and `lease` the one by which it holds a slot of it now. `work_limits`
    are those of its work queue and of that one's pool, for a run that is to be submitted.
    """

    repeated: bool = False
    parent: tuple[TaskRun, TaskFacts] | None = None
    failed_task_runs: tuple[tuple[TaskRun, TaskFacts], ...] = ()
    limit: DeploymentLimit | None = None
    lease: Lease | None = None
    work_limits: tuple[WorkLimit, ...] = ()


class Chance(msgspec.Struct, frozen=True):
    """Where ids and random numbers come from. `new_id` gives a fresh, time-ordered UUID as text; `random` a float in
    [0, 1)."""

    new_id: Callable[[], str]
    random: Callable[[], float]


class Moment(msgspec.Struct, frozen=True):
    """When a decision is made (aware UTC) and its source of chance."""

    now: datetime
    chance: Chance

    def after(self, state: State | None) -> "Moment":
        """This moment, or the next one after the state where that is a later one: the clocks of several servers differ,
        a clock can be set back, and yet a run's states are to follow each other."""
        if state is None or state.timestamp < self.now:
            return self
        return Moment(state.timestamp + TICK, self.chance)
