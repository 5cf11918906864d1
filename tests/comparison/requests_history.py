"""Runs counted over time: history, lateness, and what the peer's user interface asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.comparison.build import call, flow_run, now, reach, second, set_state, state, task_run
from tests.comparison.flow_matrix import RUNNING
from tests.comparison.model import JSON, Case, Step

FAMILY = "requests_history"
HOUR = 3600
SCOPE: dict[str, JSON] = {"flow_runs": {"tags": {"all_": ["{unique}"]}}}


def cases() -> Iterator[Case]:
    for kind in ("flow_runs", "task_runs"):
        yield from histories(kind)
    yield from lateness()
    yield from dashboards()
    yield from counts()
    yield from simple_histories()


def _expected(kind: str, step: str, seconds: int, *then: JSON) -> tuple[Step, ...]:
    """A run expected to start that many seconds from the start of the case, brought into further states."""
    first = state("SCHEDULED", scheduled_time=second(seconds))
    made = flow_run(first, step=step, tags=["{unique}"]) if kind == "flow_runs" else task_run(first, step=step)
    return (made, *reach([first, *then], run=step, kind=kind.removesuffix("s")))


def population(kind: str) -> tuple[Step, ...]:
    """Runs over three hours: two in the first, of which one runs, one in the second, one exactly at its end."""
    outer = (flow_run(RUNNING, tags=["{unique}"]),) if kind == "task_runs" else ()
    return (
        *outer,
        *_expected(kind, "first", -3 * HOUR + 100),
        *_expected(kind, "second", -3 * HOUR + 200, RUNNING, state("COMPLETED")),
        *_expected(kind, "third", -2 * HOUR + 100, state("CANCELLED", "Called off")),
        *_expected(kind, "fourth", -HOUR, RUNNING, state("FAILED")),
        *_expected(kind, "fifth", HOUR),
    )


def _history(start: int, end: int, interval: Any) -> dict[str, JSON]:
    return {
        "history_start": second(start),
        "history_end": second(end),
        "history_interval_seconds": interval,
        **SCOPE,
    }


def histories(kind: str) -> Iterator[Case]:
    own = SCOPE["flow_runs"] if kind == "flow_runs" else {}
    asks: dict[str, JSON] = {
        "by the hour": _history(-3 * HOUR, 0, HOUR),
        "by the hour, the last ends later": _history(-3 * HOUR, -1800, HOUR),
        "in one": _history(-3 * HOUR, 0, 6 * HOUR),
        "ahead": _history(0, 2 * HOUR, HOUR),
        "of nothing": _history(-9 * HOUR, -8 * HOUR, HOUR),
        "ends before it starts": _history(0, -HOUR, HOUR),
        "no time at all": _history(0, 0, HOUR),
        "half a second": _history(-HOUR, 0, 0.5),
        "one and a half seconds": _history(-3, 0, 1.5),
        "interval zero": _history(-HOUR, 0, 0),
        "interval negative": _history(-HOUR, 0, -HOUR),
        "interval as text": _history(-3 * HOUR, 0, "3600"),
        "interval as ISO": _history(-3 * HOUR, 0, "PT1H"),
        "interval as clock": _history(-3 * HOUR, 0, "01:00:00"),
        "interval as nonsense": _history(-3 * HOUR, 0, "hourly"),
        "interval null": _history(-3 * HOUR, 0, None),
        "more than 500": _history(-600, 0, 1),
        "by state": _history(-3 * HOUR, 0, 6 * HOUR)
        | {kind: own | {"state": {"type": {"any_": ["FAILED", "COMPLETED"]}}}},
        "of none": _history(-3 * HOUR, 0, 6 * HOUR) | {kind: {"id": {"any_": []}}},
        "without times": {},
        "without an interval": {"history_start": second(0), "history_end": second(0)},
        "start as nonsense": {"history_start": "no", "history_end": second(0), "history_interval_seconds": HOUR},
        "start without offset": {
            "history_start": "2020-01-01T00:00:00",
            "history_end": "2020-01-01T01:00:00",
            "history_interval_seconds": 1800,
            **SCOPE,
        },
        "start elsewhere": {
            "history_start": "2020-01-01T00:00:00+02:00",
            "history_end": "2020-01-01T01:00:00+02:00",
            "history_interval_seconds": 1800,
            **SCOPE,
        },
    }
    ages = {"unknown key": _history(-HOUR, 0, HOUR) | {"nobody": 1}}
    steps = tuple(call("POST", f"/{kind}/history", label, body) for label, body in (asks | ages).items())
    yield Case(FAMILY, f"history/{kind}", (*population(kind), *steps))


def lateness() -> Iterator[Case]:
    begun = (
        *_expected("flow_runs", "late", -600),
        *_expected("flow_runs", "started", -600, RUNNING),
        *_expected("flow_runs", "ended", -600, state("CANCELLED")),
        *_expected("flow_runs", "ahead", 600),
    )
    asks = {
        "of all": SCOPE,
        "of the late": {"flow_runs": {"id": {"any_": ["{late}"]}}},
        "of the started": {"flow_runs": {"id": {"any_": ["{started}"]}}},
        "of the ended": {"flow_runs": {"id": {"any_": ["{ended}"]}}},
        "of those ahead": {"flow_runs": {"id": {"any_": ["{ahead}"]}}},
        "of none": {"flow_runs": {"id": {"any_": []}}},
        "unknown nested key": {"flow_runs": {"nobody": 1}},
    }
    steps = tuple(call("POST", "/flow_runs/lateness", label, body) for label, body in asks.items())
    yield Case(FAMILY, "lateness", (*begun, *steps))


def dashboards() -> Iterator[Case]:
    """Ended task runs by twentieths of a time, as the dashboard shows them."""
    ends = (("one", "COMPLETED"), ("two", "COMPLETED"), ("three", "FAILED"), ("four", "CRASHED"), ("five", "CANCELLED"))
    steps: list[Step] = [flow_run(RUNNING, tags=["{unique}"])]
    for step, kind in ends:
        steps += [task_run(RUNNING, step=step)]
        steps += [set_state(state(kind), run=step, kind="task_run", name=f"{step}_end", record=False)]
    steps += [task_run(RUNNING, step="runs"), task_run(state("COMPLETED"), step="never_ran")]
    after = {"task_runs": {"start_time": {"after_": now(-90000), "before_": now(300000)}}}
    asks: dict[str, JSON] = {
        "between": SCOPE | after,
        "of none": {"flow_runs": {"id": {"any_": []}}} | after,
        "without a time": SCOPE,
        "without a start": SCOPE | {"task_runs": {}},
        "only a time before": SCOPE | {"task_runs": {"start_time": {"before_": now(600)}}},
        "nothing": None,
    }
    steps += [call("POST", "/ui/task_runs/dashboard/counts", label, body) for label, body in asks.items()]
    yield Case(FAMILY, "dashboard counts", tuple(steps))
    body = {noun: {"nobody": 1} for noun in ("work_queues", "deployments", "task_runs", "flows")}
    yield Case(FAMILY, "dashboard counts, wrong", (call("POST", "/ui/task_runs/dashboard/counts", "ask", body),))


def counts() -> Iterator[Case]:
    steps: list[Step] = [flow_run(RUNNING, tags=["{unique}"])]
    kinds = ("COMPLETED", "COMPLETED", "PENDING", "RUNNING", "FAILED", "CANCELLED", "CRASHED", "PAUSED", "CANCELLING")
    for index, kind in enumerate((*kinds, "SCHEDULED")):
        steps.append(task_run(state(kind), step=f"run{index}"))
    asks: dict[str, JSON] = {
        "all": SCOPE,
        "some": SCOPE | {"task_runs": {"state": {"type": {"any_": ["FAILED", "RUNNING"]}}}},
        "none": {"flow_runs": {"id": {"any_": []}}},
        "unknown nested key": {"flow_runs": {"nobody": 1}},
    }
    steps += [call("POST", "/ui/task_runs/count", label, body) for label, body in asks.items()]
    yield Case(FAMILY, "counts by state", tuple(steps))


def simple_histories() -> Iterator[Case]:
    pages: dict[str, JSON] = {
        "of all": {},
        "limit": {"limit": 2, "offset": 1},
        "by name": {"sort": "NAME_ASC"},
        "the other way": {"sort": "EXPECTED_START_TIME_ASC"},
        "limit 1000": {"limit": 1000},
        "limit 1001": {"limit": 1001},
        "limit 0": {"limit": 0},
        "limit negative": {"limit": -1},
        "offset negative": {"offset": -1},
        "of none": {"flow_runs": {"id": {"any_": []}}},
    }
    steps = tuple(call("POST", "/ui/flow_runs/history", label, SCOPE | page) for label, page in pages.items())
    named = tuple(
        call("PATCH", f"/flow_runs/{{{step}}}", f"name_{step}", {"name": step}, record=False)
        for step in ("first", "second", "third", "fourth", "fifth")
    )
    yield Case(FAMILY, "simple history", (*population("flow_runs"), *named, *steps))
