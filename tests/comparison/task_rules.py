"""Task runs: retries, the cache, scheduled times, the enclosing flow run, reruns, repeated transitions and data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.comparison.build import (
    FLOW,
    LITERAL,
    REFERENCE,
    UNPERSISTED,
    delete,
    flow_run,
    get,
    limit,
    now,
    post,
    reach,
    read,
    read_limit,
    set_state,
    state,
    task_run,
)
from tests.comparison.flow_matrix import INITIAL as FLOW_INITIAL
from tests.comparison.model import JSON, Case, Step
from tests.comparison.task_matrix import INITIAL, RUNNING

PLACES: dict[str, str | None] = {"in a flow": FLOW, "alone": None}


def cases() -> Iterator[Case]:
    for source in (retries, jitter, retriable, cache, scheduled_time, flow_state, reruns, repeats, data):
        yield from source()


def inside(parent: str | None) -> tuple[Step, ...]:
    """The flow run around the task run, where there is one."""
    return (flow_run(RUNNING),) if parent else ()


# --- retries ---------------------------------------------------------------------------------------------------------

POLICIES: dict[str, dict[str, Any]] = {
    "no delay": {},
    "delay 0": {"retry_delay": 0},
    "delay": {"retry_delay": 600},
    "delays": {"retry_delay": [600, 1200]},
    "one delay": {"retry_delay": [600]},
    "no delays": {"retry_delay": []},
    "old delay": {"retry_delay_seconds": 600},
}


def retries() -> Iterator[Case]:
    for place, parent in PLACES.items():
        for delay, policy in POLICIES.items():
            for allowed in (None, 0, 1, 2):
                for count in (1, 2, 3):
                    name = f"{place}/{delay}/retries {allowed}/run {count}"
                    yield _failing("task_retries", name, parent, policy | {"retries": allowed}, count)
        yield _failing("task_retries", f"{place}/old retries", parent, {"max_retries": 1}, 1)
        yield _failing("task_retries", f"{place}/old and new retries", parent, {"max_retries": 1, "retries": 0}, 1)
        yield _failing("task_retries", f"{place}/forced", parent, {"retries": 3, "retry_delay": 600}, 1, force=True)
        yield _retried(place, parent)


def _failing(
    family: str,
    name: str,
    parent: str | None,
    policy: JSON,
    count: int,
    *,
    force: bool = False,
    bounds: tuple[float, float] | None = None,
    **details: JSON,
) -> Case:
    failed = state("FAILED", "Broken", message="it broke", data=REFERENCE, **details)
    steps = (
        *inside(parent),
        task_run(RUNNING, parent=parent, empirical_policy=policy),
        *reach([RUNNING] * count),
        set_state(failed, force=force),
        read(),
    )
    return Case(family, name, steps, bounds)


def _retried(place: str, parent: str | None) -> Case:
    """A run retried to the end of its retries."""
    steps = [*inside(parent), task_run(parent=parent, empirical_policy={"retries": 2})]
    for attempt in range(1, 4):
        steps += [set_state(RUNNING, name=f"run{attempt}"), set_state(state("FAILED"), name=f"fail{attempt}")]
        steps += [read(name=f"read{attempt}")]
    return Case("task_retries", f"{place}/to the end", tuple(steps))


# The bounds of a clamped delay of 600 s: up to 600 * (1 + factor), and a lower one that keeps the mean.
JITTERS = {0.5: (377, 900), 1: (249, 1200), 0.1: (539, 660)}


def jitter() -> Iterator[Case]:
    for place, parent in PLACES.items():
        for factor, bounds in JITTERS.items():
            policy: JSON = {"retries": 1, "retry_delay": 600, "retry_jitter_factor": factor}
            yield _failing("task_retries", f"{place}/jitter {factor}", parent, policy, 1, bounds=bounds)
        policy = {"retries": 1, "retry_delay": [60000, 600], "retry_jitter_factor": 0.5}
        yield _failing("task_retries", f"{place}/jitter of a list", parent, policy, 2, bounds=(377, 900))
        policy = {"retries": 1, "retry_delay": 600, "retry_jitter_factor": 0}
        yield _failing("task_retries", f"{place}/jitter 0", parent, policy, 1)
        for allowed in (None, 0, 1):
            policy = {"retries": allowed, "retry_jitter_factor": 0.5}
            yield _failing("task_retries", f"{place}/jitter without delay, retries {allowed}", parent, policy, 1)


def retriable() -> Iterator[Case]:
    for place, parent in PLACES.items():
        for allowed in (0, 1):
            for value in (True, False, None):
                policy = {"retries": allowed, "retry_delay": 600}
                name = f"{place}/retriable {value}, retries {allowed}"
                yield _failing("task_retries", name, parent, policy, 1, retriable=value)


# --- cache -----------------------------------------------------------------------------------------------------------

KEY = "key {unique}"


def source(
    name: str = "source", *, parent: str | None = FLOW, asked: bool = True, data: JSON = REFERENCE, **details: JSON
) -> tuple[Step, ...]:
    """A run that completed under the key."""
    done = state("COMPLETED", "Done", message="computed", data=data, cache_key=KEY, **details)
    return (
        task_run(RUNNING, step=name, parent=parent),
        set_state(done, run=name, kind="task_run", force=not asked, name=f"{name}_done", record=False),
    )


def wanting(key: str = KEY, **details: JSON) -> JSON:
    return state("RUNNING", cache_key=key, **details)


def cache() -> Iterator[Case]:
    for place, parent in PLACES.items():
        yield from _cache_entries(place, parent)
        yield from _cache_targets(place, parent)
    yield from _cache_before_other_rules()
    yield from _cache_lives()


def _cached(name: str, *steps: Step) -> Case:
    return Case("task_cache", name, steps)


def _cache_entries(place: str, parent: str | None) -> Iterator[Case]:
    """What is in the cache, and which of it is found."""
    target = (task_run(parent=parent), set_state(wanting()), read())
    around = inside(FLOW)
    expired, valid = {"cache_expiration": now(-600)}, {"cache_expiration": now(600)}
    yield _cached(f"{place}/empty", *around, *target)
    for label, entry in {"without end": {}, "expired": expired, "valid": valid}.items():
        yield _cached(f"{place}/{label}", *around, *source(**entry), *target)
        yield _cached(f"{place}/{label}, from alone", *around, *source(parent=None, **entry), *target)
    for label, value in {"nothing": None, "unpersisted": UNPERSISTED, "literal": LITERAL}.items():
        yield _cached(f"{place}/data {label}", *around, *source(data=value), *target)
    first, second = source("first", data=LITERAL), source("second")
    yield _cached(f"{place}/two, the newest wins", *around, *first, *second, *target)
    old, new = source("first", **valid), source("second", data=LITERAL, **expired)
    yield _cached(f"{place}/the newest is expired", *around, *old, *new, *target)
    yield _cached(f"{place}/completed by force", *around, *source(asked=False), *target)
    gone = delete("/task_runs/{second}", "gone")
    yield _cached(f"{place}/the newest is deleted", *around, *first, *second, gone, *target)


def _cache_targets(place: str, parent: str | None) -> Iterator[Case]:
    """Who asks for it, and how."""
    around = (*inside(FLOW), *source())
    for refresh in (None, True, False):
        steps = (task_run(parent=parent), set_state(wanting(refresh_cache=refresh)), read())
        yield _cached(f"{place}/refresh {refresh}", *around, *steps)
    forced = (task_run(parent=parent), set_state(wanting(), force=True), read())
    yield _cached(f"{place}/forced", *around, *forced)
    other = (task_run(parent=parent), set_state(wanting("other {unique}")), read())
    yield _cached(f"{place}/another key", *around, *other)
    column = (task_run(parent=parent, cache_key=KEY), set_state(RUNNING), read())
    yield _cached(f"{place}/the key of the run only", *around, *column)
    empty = (task_run(parent=parent), set_state(wanting("")), read())
    yield _cached(f"{place}/empty key", *around, *empty)
    created = (task_run(wanting(), parent=parent, record=True), read())
    yield _cached(f"{place}/created running", *inside(FLOW), *source(data=None), *created)
    for initial, states in INITIAL.items():
        begun = (task_run(states[0], parent=parent), *reach(states))
        yield _cached(f"{place}/from {initial}", *around, *begun, set_state(wanting()), read())


def _cache_before_other_rules() -> Iterator[Case]:
    """A hit comes before the checks of the flow run and of slots."""
    for label, states in FLOW_INITIAL.items():
        outer = (flow_run(states[0], step="outer"), *reach(states, run="outer", kind=FLOW))
        target = (task_run(parent="outer"), set_state(wanting()), read())
        yield _cached(f"flow run {label}", *inside(FLOW), *source(), *outer, *target)
    for slots in (0, 1):
        target = (task_run(tags=["{unique}"]), set_state(wanting()), read())
        around = (*inside(FLOW), *source(), limit("{unique}", slots))
        yield _cached(f"limit {slots}", *around, *target, read_limit("{unique}"))


def _cache_lives() -> Iterator[Case]:
    """How long an entry lives: with the run that made it."""
    hit = (task_run(step="hit"), set_state(wanting(), run="hit", kind="task_run", name="found"))
    target = (task_run(), set_state(wanting()), read())
    gone = delete("/task_runs/{source}", "gone")
    around = (*inside(FLOW), *source())
    yield _cached("a hit makes no entry", *around, *hit, gone, *target)
    again = set_state(RUNNING, run="source", kind="task_run", force=True, name="again", record=False)
    yield _cached("the source runs again", *around, again, *target)
    other = (flow_run(RUNNING, step="outer"), *source(parent="outer"), delete("/flow_runs/{outer}", "gone"))
    yield _cached("the flow run of the source is deleted", *inside(FLOW), *other, *target)
    created = task_run(state("COMPLETED", cache_key=KEY), step="source", parent=None)
    yield _cached("created completed, alone", *inside(FLOW), created, *target)
    created = task_run(state("COMPLETED", cache_key=KEY), step="source")
    yield _cached("created completed, in a flow", *inside(FLOW), created, *target)
    failed = set_state(state("FAILED", cache_key=KEY), run="source", kind="task_run", name="failed", record=False)
    yield _cached("a failure is not cached", *inside(FLOW), task_run(RUNNING, step="source"), failed, *target)
    for label, force in {"asked": False, "forced": True}.items():
        done = set_state(state("COMPLETED", cache_key=KEY), run="source", kind="task_run", force=force, name="done")
        steps = (*inside(FLOW), task_run(RUNNING, step="source", parent=None), done, *target)
        yield _cached(f"completed alone, {label}", *steps)


# --- scheduled times -------------------------------------------------------------------------------------------------

TIMES: dict[str, JSON] = {
    "past": now(-600),
    "future": now(600),
    "under half a second": now(0.4),
    "past elsewhere": now(-600, "-08:00"),
    "future elsewhere": now(600, "+05:30"),
}


def scheduled_time() -> Iterator[Case]:
    for place, parent in PLACES.items():
        for label, time in TIMES.items():
            for kind in ("SCHEDULED", "PENDING", "PAUSED", "RUNNING"):
                steps = (
                    *inside(parent),
                    task_run(state(kind, scheduled_time=time), parent=parent, record=True),
                    set_state(RUNNING),
                    read(),
                )
                yield Case("task_schedule", f"{place}/{kind} {label} to RUNNING", steps)
            yield Case("task_schedule", f"{place}/PENDING inherits {label}", _submitted(parent, time, None))
            for own in ("past", "future"):
                steps = _submitted(parent, time, TIMES[own])
                yield Case("task_schedule", f"{place}/{label}, PENDING brings {own}", steps)


def _submitted(parent: str | None, time: JSON, own: JSON) -> tuple[Step, ...]:
    pending = state("PENDING") if own is None else state("PENDING", scheduled_time=own)
    return (
        *inside(parent),
        task_run(state("SCHEDULED", scheduled_time=time), parent=parent),
        set_state(pending, name="pend"),
        set_state(RUNNING),
        read(),
    )


# --- the enclosing flow run ------------------------------------------------------------------------------------------


def flow_state() -> Iterator[Case]:
    chosen = ("SCHEDULED", "SCHEDULED future", "PENDING", "RUNNING", "AwaitingRetry", "FAILED", "COMPLETED reference")
    for label, states in FLOW_INITIAL.items():
        around = (flow_run(states[0], deployment_id="{deployment}"), *reach(states, run=FLOW))
        for initial in chosen:
            begun = (task_run(INITIAL[initial][0]), *reach(INITIAL[initial]))
            steps = (*around, *begun, set_state(RUNNING), read())
            yield Case("task_flow_state", f"{label}/{initial} to RUNNING", steps)
        for kind in ("RUNNING", "COMPLETED", "PENDING"):
            how = "forced" if kind == "RUNNING" else "asked"
            steps = (*around, task_run(), set_state(state(kind), force=kind == "RUNNING"), read())
            yield Case("task_flow_state", f"{label}/PENDING to {kind} {how}", steps)
    steps = (*inside(FLOW), task_run(), delete("/flow_runs/{flow_run}", "gone"), set_state(RUNNING), read())
    yield Case("task_flow_state", "deleted", steps)


def reruns() -> Iterator[Case]:
    """The flow run's run count above the task run's copy of it, or not."""
    for initial, states in INITIAL.items():
        for flow_runs in (1, 2):
            for how in ("asked", "forced"):
                begun = (task_run(), set_state(RUNNING, name="first", record=False))
                back = set_state(states[0], force=True, name="back", record=False)
                again = tuple(
                    set_state(RUNNING, run=FLOW, force=True, name=f"flow{index}", record=False)
                    for index in range(1, flow_runs)
                )
                propose = (set_state(RUNNING, force=how == "forced"), read(), set_state(RUNNING, name="more"))
                steps = (*inside(FLOW), *begun, back, *reach(states), *again, *propose)
                yield Case("task_reruns", f"{initial}/flow run {flow_runs}/{how}", steps)


# --- the same transition again ---------------------------------------------------------------------------------------

ID = "{uuid_transition}"


def repeats() -> Iterator[Case]:
    for place, parent in PLACES.items():
        for kind in ("RUNNING", "COMPLETED", "FAILED", "SCHEDULED"):
            for force in (False, True):
                wanted = state(kind, transition_id=ID)
                steps = (
                    *inside(parent),
                    task_run(RUNNING, parent=parent),
                    set_state(wanted, name="once", force=force),
                    read(name="read_once"),
                    set_state(wanted, name="twice", force=force),
                    read(),
                )
                yield Case("task_repeats", f"{place}/{kind}/{'forced' if force else 'asked'}", steps)
        failed = state("FAILED", transition_id=ID)
        steps = (
            *inside(parent),
            task_run(RUNNING, parent=parent, empirical_policy={"retries": 2, "retry_delay": 600}),
            set_state(failed, name="once"),
            read(name="read_once"),
            set_state(failed, name="twice"),
            read(),
        )
        yield Case("task_repeats", f"{place}/rejected into a retry", steps)
        other = state("RUNNING", transition_id="{uuid_other}")
        first = set_state(state("RUNNING", transition_id=ID), name="once")
        late = (*inside(parent), task_run(parent=parent), first, set_state(other, name="between"))
        again = set_state(state("RUNNING", transition_id=ID), name="again")
        yield Case("task_repeats", f"{place}/another between", (*late, again, read()))


# --- data ------------------------------------------------------------------------------------------------------------

DATA: dict[str, JSON] = {
    "text": "done",
    "empty text": "",
    "list": [1, "two", None],
    "empty list": [],
    "number": 3,
    "fraction": 2.5,
    "zero": 0,
    "true": True,
    "false": False,
    "object": {"a": {"b": [1]}},
    "empty object": {},
    "reference": REFERENCE,
    "unpersisted": UNPERSISTED,
    "unpersisted with more": {"type": "unpersisted", "value": 1},
    "literal": LITERAL,
    "null type": {"type": None},
    "described": {
        "type": "reference",
        "artifact_type": "result",
        "artifact_description": "what it is",
        "artifact_key": "key-{unique}",
        "storage_key": "k",
    },
}


def data() -> Iterator[Case]:
    for label, value in DATA.items():
        for place, parent in PLACES.items():
            for kind in ("COMPLETED", "FAILED", "CRASHED", "RUNNING"):
                stored = (set_state(state(kind, data=value), name="store"), read(), _states(), _artifacts())
                then = (
                    (set_state(RUNNING, name="run"),)
                    if kind == "COMPLETED"
                    else (set_state(state("COMPLETED"), force=True, name="complete"), read(name="end"))
                )
                steps = (*inside(parent), task_run(RUNNING, parent=parent), *stored, *then)
                yield Case("task_data", f"{place}/{kind} {label}", steps)
    for label, value in {**DATA, "nothing": None}.items():
        for place, parent in PLACES.items():
            create = Step(
                "create",
                "POST",
                "/task_runs/",
                {
                    "flow_run_id": "{flow_run}" if parent else None,
                    "task_key": "k",
                    "dynamic_key": "{unique}",
                    "state": state("COMPLETED", data=value),
                },
            )
            yield Case("task_data", f"{place}/created with {label}", (*inside(parent), create))


def _states() -> Step:
    return get("/task_run_states/?task_run_id={task_run}", "states")


def _artifacts() -> Step:
    body = {"artifacts": {"task_run_id": {"any_": ["{task_run}"]}}, "sort": "UPDATED_DESC"}
    return post("/artifacts/filter", body, "artifacts")
