"""The task runs of a flow run of a demo.

What lives here: task runs with their states, and their logs. What does not: the flow runs (flow_runs.py).
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any
from zlib import crc32

import msgspec
from msgspec.structs import replace

from interlock.orchestration.runs import TaskRun, TaskRunPolicy
from interlock.orchestration.states import State, StateDetails, StateType
from interlock.storage.demo import world
from interlock.storage.demo.paths import RETRY_DELAY, Timed, id_at, lived, states_until, timed
from interlock.storage.demo.slices import ERROR, INFO, Slice
from interlock.storage.demo.world import DemoFlow

_CREATION = timedelta(milliseconds=20)
_MEAN_SECONDS = 5.0
_LOGGED_SHARE = 0.1
_UNTAGGED_SHARE = 0.6
_POLICY = TaskRunPolicy(
    max_retries=3, retry_delay_seconds=RETRY_DELAY.seconds, retries=3, retry_delay=RETRY_DELAY.seconds
)


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """The flow run that task runs belong to, and when it goes to RUNNING: its task runs begin within so many seconds
    from then. Nothing happens to them after the `horizon`, which is now unless it is interrupted."""

    id: str
    flow: DemoFlow
    name: str
    running: datetime
    seconds: float
    horizon: datetime
    is_interrupted: bool


class TaskRuns:
    """Adds the task runs of one flow run to a slice."""

    def __init__(self, rng: Random, owner: Owner, into: Slice) -> None:
        self._rng = rng
        self._owner = owner
        self._into = into
        self._dynamic_keys: Counter[str] = Counter()
        self._ids: list[str] = []

    def add(self, count: int) -> datetime:
        """Add so many. All are created at the start, and run in as many stages as the flow has tasks, each with results
        of the stage before. Returns when the last of them would be done."""
        created = end = self._owner.running
        step = min(_CREATION, (self._owner.horizon - created) / (count + 1))
        for number in range(count):
            created += step
            end = max(end, self._add(number, count, created))
        return end + _CREATION

    def _add(self, number: int, count: int, created: datetime) -> datetime:
        rng, owner, stages = self._rng, self._owner, len(self._owner.flow.tasks)
        stage = number * stages // count
        begun = owner.running + timedelta(seconds=owner.seconds * (stage + rng.random()) / stages)
        stays = {
            StateType.PENDING: max(begun - created, _CREATION),
            StateType.RUNNING: _CREATION + timedelta(seconds=rng.expovariate(1 / _MEAN_SECONDS)),
            StateType.SCHEDULED: RETRY_DELAY,
        }
        path = timed(rng.choice(world.TASK_PATHS), created, stays)
        before = range((stage - 1) * count // stages, stage * count // stages) if stage else ()
        self._add_task_run(owner.flow.tasks[stage], path, self._ids[rng.choice(before)] if before else None)
        return path[-1][0]

    def _add_task_run(self, task: str, path: Sequence[Timed], source: str | None) -> None:
        rng, owner = self._rng, self._owner
        run_id, tags = id_at(rng, path[0][0]), _tags(rng, owner.flow)
        details = StateDetails(flow_run_id=owner.id, task_run_id=run_id)
        states = states_until(rng, path, owner.horizon, details)
        inputs = "[]" if source is None else f'[{{"input_type":"task_run","id":"{source}"}}]'
        number = self._dynamic_keys[task]
        run = _task_run(run_id, owner.id, task, number, states, tags=tags, task_inputs=f'{{"data":{inputs}}}')
        self._into.task_runs.append((run, states))
        self._dynamic_keys[task] += 1
        self._ids.append(run_id)
        self._add_logs(run)
        if states[-1].type is StateType.RUNNING and not owner.is_interrupted:
            self._into.slots.extend((x, run_id) for x in tags if x in world.TAG_LIMITS)

    def _add_logs(self, run: TaskRun) -> None:
        rng, owner, state = self._rng, self._owner, run.state
        assert state is not None
        if rng.random() < _LOGGED_SHARE:
            created = f"Created task run '{run.name}' for task '{run.name.rpartition('-')[0]}'"
            self._into.add_log(rng, run.created, INFO, created, owner.id)
        if state.type is StateType.FAILED:
            self._into.add_log(rng, state.timestamp, ERROR, f"Finished in state {state.name}()", owner.id, run.id)


def add_caller(
    rng: Random, into: Slice, task_run_id: str, owner: Owner, subflow: Owner, states: Sequence[State]
) -> None:
    """The task run that stands for a subflow: it takes every state of it at the same instant."""
    details = StateDetails(flow_run_id=owner.id, task_run_id=task_run_id, child_flow_run_id=subflow.id)
    taken = [replace(x, id=id_at(rng, x.timestamp), details=details) for x in states]
    run = _task_run(task_run_id, owner.id, subflow.flow.name, 0, taken, tags=owner.flow.tags)
    into.task_runs.append((run, taken))


def _task_run(run_id: str, flow_run_id: str, task: str, number: int, states: Sequence[State], **values: Any) -> TaskRun:
    return TaskRun(
        id=run_id,
        flow_run_id=flow_run_id,
        name=f"{task}-{number}",
        task_key=f"{task}-{crc32(task.encode()):08x}",
        dynamic_key=str(number),
        empirical_policy=_POLICY,
        flow_run_run_count=1,
        **values,
        **lived(states),
    )


def _tags(rng: Random, flow: DemoFlow) -> tuple[str, ...]:
    tags, drawn = flow.tags, rng.random()
    if drawn < world.RARE_TAG_SHARE:
        tags = (*tags, world.RARE_TAG)
    elif drawn > _UNTAGGED_SHARE:
        tags = (*tags, rng.choice(world.TASK_TAGS))
    return tags
