"""The records of a demo: what they are like, whatever database they go to."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from interlock.orchestration.runs import TaskRun
from interlock.storage.demo import world
from interlock.storage.demo.flow_runs import SLICE_TASK_RUNS, Demo, slices
from interlock.storage.demo.slices import Slice

FLOW_IDS = {flow.name: flow.name for flow in world.FLOWS}
DAY = Demo(task_runs=25_000, span=timedelta(days=1), now=datetime(2026, 3, 1, 12, tzinfo=UTC), seed=1)


def made(demo: Demo) -> list[Slice]:
    return list(slices(demo, FLOW_IDS))


@pytest.fixture(scope="module")
def day() -> list[Slice]:
    return made(DAY)


@pytest.fixture(scope="module")
def day_task_runs(day: list[Slice]) -> list[TaskRun]:
    return [run for part in day for run, _ in part.task_runs]


def test_the_same_demo_has_the_same_runs() -> None:
    """And another seed has others."""
    small = replace(DAY, task_runs=500)
    assert made(small) == made(small)
    assert made(small) != made(replace(small, seed=2))


def test_it_comes_in_slices(day: list[Slice]) -> None:
    """So that memory does not grow with the demo."""
    assert len(day) == 3
    assert all(len(part.task_runs) < 2 * SLICE_TASK_RUNS for part in day)


@pytest.mark.parametrize("task_runs", [1, 2, 17, 999, 1_000, 1_001, 400_017])
def test_it_has_as_many_task_runs_as_asked_for(task_runs: int) -> None:
    """However they go into the flow runs."""
    assert world.task_runs_before(world.flow_runs_for(task_runs), task_runs) == task_runs
    if task_runs < SLICE_TASK_RUNS:
        assert sum(len(part.task_runs) for part in made(replace(DAY, task_runs=task_runs))) == task_runs


def test_flow_runs_grow_more_and_larger_with_the_demo() -> None:
    """A thousand, and then one for every 400 task runs."""
    assert [world.flow_runs_for(n) for n in (10, 10_000, 1_000_000)] == [10, 1_000, 2_500]


@pytest.mark.parametrize("span", [timedelta(days=1), timedelta(days=365)])
def test_nothing_is_later_than_now_or_older_than_the_span(span: timedelta) -> None:
    """States and logs alike."""
    parts = made(replace(DAY, task_runs=3_000, span=span))
    states = [x.timestamp for part in parts for _, path in (*part.flow_runs, *part.task_runs) for x in path]
    times = states + [line["timestamp"] for part in parts for line in part.logs]
    assert DAY.now - span - timedelta(minutes=1) < min(times) < DAY.now - 0.9 * span
    assert DAY.now - timedelta(minutes=2) < max(times) <= DAY.now


def test_outcomes_are_those_of_a_team(day_task_runs: list[TaskRun]) -> None:
    """Nearly all is well, and everything else is there too."""
    names = Counter(run.state.name for run in day_task_runs if run.state)
    assert names["Completed"] > 0.85 * len(day_task_runs)
    assert names["Cached"] > names["Failed"] > names["Cancelled"] > names["Crashed"] > 0
    assert {"Running", "Retrying", "Pending", "NotReady", "AwaitingRetry", "TimedOut"} <= set(names)
    assert {1, 2, 3, 4} <= {run.run_count for run in day_task_runs}


def test_flow_runs_end_in_every_way_and_some_are_under_way(day: list[Slice]) -> None:
    """Those of the last minute."""
    names = Counter(run.state.name for part in day for run, _ in part.flow_runs if run.state)
    assert {"Completed", "Failed", "Crashed", "Cancelled", "Running"} <= set(names)


def test_there_are_common_tags_and_a_rare_one(day_task_runs: list[TaskRun]) -> None:
    """About one task run of 10,000 has the rare one."""
    tags = Counter(tag for run in day_task_runs for tag in run.tags)
    assert 1 <= tags[world.RARE_TAG] <= 10
    assert tags["finance"] > 0.05 * len(day_task_runs)
    assert set(world.TAG_LIMITS) <= set(tags)


def test_results_go_from_stage_to_stage(day: list[Slice]) -> None:
    """Within the flow run: its graph has edges."""
    runs = {run.id: run for part in day for run, _ in part.task_runs}
    inputs = [(run, json.loads(run.task_inputs).get("data")) for run in runs.values()]
    sources = [(run, runs[given[0]["id"]]) for run, given in inputs if given]
    assert len(sources) > len(runs) / 2
    assert all(run.flow_run_id == source.flow_run_id and run.created > source.created for run, source in sources)
