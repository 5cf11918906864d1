"""Sums over runs: they are those of the runs one by one."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interlock.orchestration.states import TERMINAL_TYPES, StateType
from interlock.storage.filters import EVERYTHING, AnyOf, Criterion, HasAllTags
from interlock.storage.queries import history
from interlock.storage.queries.history import Grid
from interlock.storage.tables import flow_runs, task_runs
from tests.storage.conftest import World
from tests.storage.meaning import criteria
from tests.storage.world import NOON, TAGS

TABLES = {"task_runs": task_runs, "flow_runs": flow_runs}


def lateness(row: dict[str, Any], now: datetime) -> float:
    """How many seconds late a run started, or is by now if it is still to start."""
    start = row["start_time"] or (None if row["state_type"] in TERMINAL_TYPES else now)
    return max(0.0, (start - row["expected_start_time"]).total_seconds()) if start else 0.0


def run_time(row: dict[str, Any], now: datetime) -> float:
    """How many seconds a run has run, also if it runs now."""
    running = row["state_type"] == "RUNNING"
    return float(row["total_run_time"] + (max(0.0, (now - row["state_timestamp"]).total_seconds()) if running else 0))


def plain_history(rows: list[dict[str, Any]], grid: Grid, now: datetime) -> dict[int, list[Any]]:
    """Each interval with its states in order, their runs, and the sums of their times."""
    sums: dict[int, dict[tuple[str, str], list[float]]] = defaultdict(lambda: defaultdict(lambda: [0, 0.0, 0.0]))
    for row in rows:
        interval = (row["expected_start_time"] - grid.start) // grid.width
        if 0 <= interval < grid.intervals:
            of_state = sums[interval][row["state_type"], row["state_name"]]
            of_state[:] = [of_state[0] + 1, of_state[1] + run_time(row, now), of_state[2] + lateness(row, now)]
    return {
        interval: [(*state, x[0], pytest.approx(x[1]), pytest.approx(x[2])) for state, x in sorted(states.items())]
        for interval, states in sums.items()
    }


grids = st.builds(
    Grid,
    st.builds(
        lambda x, y: NOON + timedelta(minutes=x, seconds=y), st.integers(-40, 10), st.sampled_from([0, 12.5, 30, 59])
    ),
    st.sampled_from(
        [
            timedelta(minutes=1),
            timedelta(minutes=7),
            timedelta(seconds=309.5),
            timedelta(minutes=5, seconds=30),
            timedelta(days=1),
        ]
    ),
    st.integers(1, 90),
)
about_runs = st.sampled_from(("task_runs", "flow_runs")).flatmap(lambda x: st.tuples(st.just(x), criteria(x, depth=1)))
of_states = st.lists(st.sampled_from(StateType)).map(lambda x: AnyOf("state_type", tuple(y.value for y in x)))
about_states = st.tuples(st.sampled_from(sorted(TABLES)), st.just(EVERYTHING) | of_states)
moments = st.integers(-40, 60).map(lambda x: NOON + timedelta(minutes=x, milliseconds=5))
often = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@often
@given(asked=about_runs, grid=grids, now=moments)
def test_a_history_is_the_sum_of_its_runs(
    world: World, asked: tuple[str, Criterion], grid: Grid, now: datetime
) -> None:
    """By interval and state; a run belongs to the interval that begins with its time."""
    compare_history(world, *asked, grid, now)


@often
@given(asked=about_states, grid=grids, now=moments, few=st.sampled_from([0, 100]))
def test_a_history_of_all_runs_in_some_states_is_their_sum(
    world: World, asked: tuple[str, Criterion], grid: Grid, now: datetime, few: int
) -> None:
    """Whichever way it is summed up: minutes that are part of two intervals are told apart."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "FEW_STATES", few)
        compare_history(world, *asked, grid, now)


@often
@given(tag=st.sampled_from((*TAGS, "no run's")), grid=grids, now=moments, few=st.sampled_from([0, 100]))
def test_a_history_of_a_tag_is_the_sum_of_its_runs(world: World, tag: str, grid: Grid, now: datetime, few: int) -> None:
    """Whether the sums of the tag tell it, or its runs, as where few have it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "FEW_TAGGED", few)
        patch.setattr(history, "FEW_STATES", 100)
        compare_history(world, "task_runs", HasAllTags((tag,)), grid, now)


def compare_history(world: World, noun: str, criterion: Criterion, grid: Grid, now: datetime) -> None:
    found = world.read(history.history, TABLES[noun], criterion, grid, now)
    encoded = {
        interval: [(x.state_type, x.state_name, x.runs, x.run_time, x.lateness) for x in sums]
        for interval, sums in found.items()
    }
    assert encoded == plain_history(world.meant(noun, criterion), grid, now)


@often
@given(criterion=criteria("flow_runs", depth=1) | st.just(EVERYTHING), now=moments)
def test_average_lateness_is_that_of_all_runs(world: World, criterion: Criterion, now: datetime) -> None:
    """Runs that are in time count as well, and without runs there is no average."""
    rows = world.meant("flow_runs", criterion)
    average = sum(lateness(x, now) for x in rows) / len(rows) if rows else None
    found = world.read(history.average_lateness, criterion, now)
    assert found == (None if average is None else pytest.approx(average))


@often
@given(criterion=criteria("task_runs", depth=1), start=moments, minutes=st.integers(1, 60), parts=st.integers(1, 20))
def test_outcomes_are_told_by_equal_parts_of_the_time(
    world: World, criterion: Criterion, start: datetime, minutes: int, parts: int
) -> None:
    """Task runs that started in a part of the time: how many failed or crashed, and how many there are."""
    end = start + timedelta(minutes=minutes)
    expected: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for row in world.meant("task_runs", criterion):
        if row["start_time"] is not None and start <= row["start_time"] < end:
            part = expected[(row["start_time"] - start) * parts // (end - start)]
            part[:] = [part[0] + (row["state_type"] in ("FAILED", "CRASHED")), part[1] + 1]
    found = {part: [failed, runs] for part, failed, runs in world.read(history.outcomes, criterion, start, end, parts)}
    assert found == expected
