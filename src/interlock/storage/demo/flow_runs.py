"""Whole flow runs of a demo, each with its task runs, their states and logs, one slice after another.

What lives here: the flow runs, and which task runs they have when. What does not: the task runs' records (task_runs.py)
and how all is written (fill.py). The same demo gives the same records.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec

from interlock.orchestration.runs import FlowRun
from interlock.orchestration.states import State, StateDetails, StateType
from interlock.storage.demo import world
from interlock.storage.demo.paths import Timed, id_at, lived, states_until, timed
from interlock.storage.demo.slices import INFO, Slice
from interlock.storage.demo.task_runs import Owner, TaskRuns, add_caller
from interlock.storage.demo.world import FLOWS

SLICE_TASK_RUNS = 10_000
RECENT_FLOW_RUNS = 10
"""So many flow runs began within the last minute, and most of them are not over yet."""

_RECENT = timedelta(seconds=60)
_NEWEST_AGE = timedelta(seconds=6)
"""In this time every flow run, and the subflow that it calls at once, gets to RUNNING."""

_STAGE_SECONDS = 10.0
_SECONDS_A_TASK_RUN = 0.2


class Demo(msgspec.Struct, frozen=True):
    """What is wanted: so many task runs, of flow runs that began within the `span` before `now`."""

    task_runs: int
    span: timedelta
    now: datetime
    seed: int


def slices(demo: Demo, flow_ids: Mapping[str, str]) -> Iterator[Slice]:
    """All flow runs, oldest first, in slices of about as many task runs each. `flow_ids` are the ids of the flows, by
    their names."""
    makes, count, number = _Maker(demo, flow_ids), world.flow_runs_for(demo.task_runs), 0
    while number < count:
        makes.slice = Slice()
        while number < count and len(makes.slice.task_runs) < SLICE_TASK_RUNS:
            number = makes.add(number)
        yield makes.slice


class _Plan(msgspec.Struct, frozen=True):
    """The states that a flow run is to go through, and from when on."""

    owner: Owner
    start: datetime
    path: tuple[world.Step, ...]


class _Maker:
    """Adds flow runs to the slice at hand."""

    def __init__(self, demo: Demo, flow_ids: Mapping[str, str]) -> None:
        self._demo = demo
        self._flow_ids = flow_ids
        self._count = world.flow_runs_for(demo.task_runs)
        self._rng = Random(demo.seed)
        self.slice = Slice()

    def add(self, number: int) -> int:
        """Add this flow run, and the next one where it is its subflow; returns the number of the one after."""
        task_runs = self._size(number)
        calls = number % len(FLOWS) == world.CALLER and task_runs > 0 and number + 1 < self._count
        plan = self._plan(number, self._start(number), self._demo.now)
        ends = [self._add_subflow(number + 1, plan)] if calls else []
        ends.append(self._add_task_runs(plan, task_runs - calls))
        self._add_flow_run(plan, max(ends))
        return number + 1 + calls

    def _size(self, number: int) -> int:
        total = self._demo.task_runs
        return world.task_runs_before(number + 1, total) - world.task_runs_before(number, total)

    def _start(self, number: int) -> datetime:
        newest, share = self._demo.now - _NEWEST_AGE, self._rng.random()
        if number >= self._count - RECENT_FLOW_RUNS:
            return newest - _RECENT * share
        return newest - self._demo.span * ((self._count - number - share) / (self._count + 1))

    def _plan(self, number: int, start: datetime, horizon: datetime) -> _Plan:
        rng, flow = self._rng, FLOWS[number % len(FLOWS)]
        path = rng.choice(world.FLOW_PATHS)
        running = start + timedelta(seconds=0.2 + 1.8 * rng.random())
        seconds = _STAGE_SECONDS * len(flow.tasks) + _SECONDS_A_TASK_RUN * self._size(number)
        is_interrupted = path[-1] in world.INTERRUPTIONS
        if is_interrupted:
            horizon = min(horizon, running + _NEWEST_AGE + timedelta(seconds=seconds * rng.random()))
        name = f"{rng.choice(world.ADJECTIVES)}-{rng.choice(world.ANIMALS)}"
        times: dict[str, Any] = {"running": running, "seconds": seconds, "horizon": horizon}
        owner = Owner(id=id_at(rng, start), flow=flow, name=name, is_interrupted=is_interrupted, **times)
        return _Plan(owner, start, path)

    def _add_task_runs(self, plan: _Plan, count: int) -> datetime:
        """Returns when the last of them would be done."""
        return TaskRuns(self._rng, plan.owner, self.slice).add(count)

    def _add_subflow(self, number: int, caller: _Plan) -> datetime:
        """A flow run, and the caller's task run that stands for it. Returns when it would be done."""
        start = caller.owner.running + timedelta(seconds=0.1)
        plan = self._plan(number, start, caller.owner.horizon)
        parent_id = id_at(self._rng, start)
        end = self._add_task_runs(plan, self._size(number))
        states = self._add_flow_run(plan, end, parent_id)
        add_caller(self._rng, self.slice, parent_id, caller.owner, plan.owner, states)
        return max(end, states[-1].timestamp)

    def _add_flow_run(self, plan: _Plan, end: datetime, parent_id: str | None = None) -> Sequence[State]:
        """The flow run, which ends when it is interrupted or all its task runs are done. Returns its states."""
        owner = plan.owner
        end = owner.horizon if owner.is_interrupted else end
        details = StateDetails(flow_run_id=owner.id, task_run_id=parent_id)
        states = states_until(self._rng, _timed(plan, end), self._demo.now, details)
        run = FlowRun(
            id=owner.id,
            name=owner.name,
            flow_id=self._flow_ids[owner.flow.name],
            parameters=f'{{"day":"{plan.start:%Y-%m-%d}","source":"{owner.flow.tags[0]}"}}',
            tags=owner.flow.tags,
            parent_task_run_id=parent_id,
            **lived(states),
        )
        self.slice.flow_runs.append((run, states))
        self._add_logs(owner, states)
        return states

    def _add_logs(self, owner: Owner, states: Sequence[State]) -> None:
        begun = f"Beginning flow run '{owner.name}' for flow '{owner.flow.name}'"
        self.slice.add_log(self._rng, owner.running, INFO, begun, owner.id)
        last = states[-1]
        if last.is_terminal:
            self.slice.add_log(self._rng, last.timestamp, INFO, f"Finished in state {last.name}()", owner.id)


def _timed(plan: _Plan, end: datetime) -> list[Timed]:
    running = plan.owner.running
    return timed(plan.path, plan.start, {StateType.PENDING: running - plan.start, StateType.RUNNING: end - running})
