"""Long sequences: the lives that runs lead, and walks through states drawn once and for all by seeded chance."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.comparison.build import (
    FLOW,
    TASK,
    delete,
    flow_run,
    limit,
    now,
    read,
    read_limit,
    set_state,
    state,
    task_run,
)
from tests.comparison.flow_matrix import PROPOSED as FLOW_PROPOSED
from tests.comparison.flow_matrix import RUNNING
from tests.comparison.model import JSON, Case, Step
from tests.comparison.task_matrix import PROPOSED as TASK_PROPOSED

WALKS = 120
LENGTH = 8
FORCED_SHARE = 0.25
FLOW_RUN_SHARE = 0.2


def cases() -> Iterator[Case]:
    yield from lives()
    for number in range(WALKS):
        yield task_walk(number, FLOW)
        yield task_walk(number, None)
        yield flow_walk(number)


# Usual lives of a task run, as states asked for one after another.
LIVES: dict[str, list[JSON]] = {
    "plain": [state("RUNNING"), state("COMPLETED")],
    "scheduled": [state("SCHEDULED", scheduled_time=now(-600)), state("PENDING"), state("RUNNING"), state("COMPLETED")],
    "failed, run again": [state("RUNNING"), state("FAILED"), state("RUNNING"), state("COMPLETED")],
    "done twice": [state("RUNNING"), state("COMPLETED"), state("COMPLETED"), state("FAILED"), state("RUNNING")],
    "never started": [state("CANCELLED"), state("RUNNING"), state("CANCELLING"), state("CANCELLED")],
    "paused": [state("RUNNING"), state("PAUSED"), state("RUNNING"), state("COMPLETED")],
    "crashed": [state("RUNNING"), state("CRASHED"), state("SCHEDULED"), state("PENDING"), state("RUNNING")],
    "cached": [state("RUNNING", cache_key="{unique}"), state("COMPLETED", cache_key="{unique}"), state("RUNNING")],
    "rerun at once": [state("RUNNING"), state("RUNNING"), state("RUNNING"), state("COMPLETED")],
}


def lives() -> Iterator[Case]:
    for name, states in LIVES.items():
        for place, parent in {"in a flow": FLOW, "alone": None}.items():
            steps: list[Step] = [flow_run(RUNNING)] if parent else []
            steps.append(task_run(parent=parent, record=True))
            for index, proposed in enumerate(states):
                steps += [set_state(proposed, name=f"set{index}"), read(name=f"read{index}")]
            yield Case("sequences", f"lives/{place}/{name}", tuple(steps))
        steps = [flow_run(deployment_id="{deployment}", record=True)]
        for index, proposed in enumerate(states):
            steps += [set_state(proposed, run=FLOW, name=f"set{index}"), read(FLOW, name=f"read{index}")]
        yield Case("sequences", f"lives/flow run/{name}", tuple(steps))
    yield retried_flow()
    yield deleted_midway()


def retried_flow() -> Case:
    """A flow run that is retried with a task run that failed, one that is done and one that kept its result."""
    kept = {"type": "reference", "storage_key": "k"}
    ends = {"failed": state("FAILED"), "done": state("COMPLETED"), "kept": state("COMPLETED", data=kept)}
    steps: list[Step] = [flow_run(RUNNING, empirical_policy={"retries": 1})]
    for name, end in ends.items():
        steps += [task_run(step=name), set_state(RUNNING, run=name, kind=TASK, name=f"{name}_run")]
        steps += [set_state(end, run=name, kind=TASK, name=f"{name}_end")]
    steps += [set_state(state("FAILED"), run=FLOW, name="fail"), set_state(RUNNING, run=FLOW, name="retry")]
    for name in ends:
        steps += [set_state(RUNNING, run=name, kind=TASK, name=f"{name}_rerun"), read(name, TASK, name=f"{name}_read")]
        steps += [set_state(state("COMPLETED"), run=name, kind=TASK, name=f"{name}_reend")]
    steps += [set_state(state("COMPLETED"), run=FLOW, name="end"), read(FLOW)]
    return Case("sequences", "a flow run retried with its task runs", tuple(steps))


def deleted_midway() -> Case:
    gone = delete("/task_runs/{task_run}", "gone", record=True)
    steps = (
        flow_run(RUNNING),
        task_run(),
        set_state(RUNNING),
        gone,
        set_state(state("COMPLETED"), name="late"),
        read(),
    )
    return Case("sequences", "a task run deleted while it runs", steps)


def task_walk(number: int, parent: str | None) -> Case:
    """A tagged, retried task run asked and forced into states, while its flow run moves too."""
    place = "in a flow" if parent else "alone"
    chance = random.Random(f"{place} {number}")
    policy = {"retries": chance.choice([None, 1, 2]), "retry_delay": chance.choice([None, 600, [600, 1200]])}
    steps: list[Step] = [flow_run(RUNNING)] if parent else []
    tags = ["{unique}"] if chance.random() < 0.5 else []
    steps += [limit("{unique}", 2), task_run(parent=parent, empirical_policy=policy, tags=tags)]
    for index in range(LENGTH):
        if parent and chance.random() < FLOW_RUN_SHARE:
            move = chance.choice([state("RUNNING"), state("PAUSED"), state("FAILED"), state("CANCELLING")])
            steps.append(set_state(move, run=FLOW, force=True, name=f"flow{index}"))
        proposed = chance.choice(list(TASK_PROPOSED.values()))
        steps.append(set_state(proposed, name=f"set{index}", force=chance.random() < FORCED_SHARE))
        steps += [read(name=f"read{index}")] if index % 2 else []
    return Case("sequences", f"walks/{place}/{number}", (*steps, read_limit("{unique}")))


def flow_walk(number: int) -> Case:
    """A flow run, sometimes a subflow's, asked and forced into states by clients of different versions."""
    chance = random.Random(f"flow run {number}")
    policy = {"retries": chance.choice([None, 1, 2]), "retry_delay": chance.choice([None, 600])}
    fields: dict[str, JSON] = {"deployment_id": "{deployment}"} if chance.random() < 0.5 else {}
    nested = chance.random() < 0.3
    steps: list[Step] = []
    if nested:
        steps += [flow_run(RUNNING, step="outer"), task_run(parent="outer")]
        fields["parent_task_run_id"] = "{task_run}"
    steps.append(flow_run(empirical_policy=policy, **fields))
    version = chance.choice([None, None, "0.8.4", "0.8.3", "0.8.2"])
    for index in range(LENGTH):
        wanted = chance.choice(list(FLOW_PROPOSED.values()))
        force = chance.random() < FORCED_SHARE
        steps.append(set_state(wanted, run=FLOW, name=f"set{index}", force=force, version=version))
        steps += [read(FLOW, name=f"read{index}")] if index % 2 else []
    return Case("sequences", f"walks/flow run/{number}", (*steps, *([read()] if nested else [])))
