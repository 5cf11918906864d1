"""The stored runs are the same for every server and have the spread that the reads rely on."""

from collections import Counter
from datetime import UTC, datetime

from bench.dataset import DAY, FLOW_RUNS, stored_runs

BASE = datetime(2026, 1, 2, tzinfo=UTC)
RUNS = list(stored_runs(5000, BASE))


def test_two_servers_are_given_the_same_runs() -> None:
    assert list(stored_runs(5000, BASE)) == RUNS


def test_runs_spread_evenly_over_the_flow_runs_and_the_day() -> None:
    assert set(Counter(run.flow_run for run in RUNS).values()) == {5000 // FLOW_RUNS}
    assert RUNS[0].scheduled_time == BASE - DAY
    assert all(BASE - DAY <= run.scheduled_time < BASE for run in RUNS)


def test_every_final_state_and_tag_filter_has_something_to_find() -> None:
    states = Counter(run.final_state for run in RUNS)
    assert states["COMPLETED"] > states["FAILED"] > states["CANCELLED"] > 0
    assert any(run.final_state == "FAILED" and "finance" in run.tags for run in RUNS)
