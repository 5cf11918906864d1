"""Task runs under tag limits: who gets a slot, who waits, who is refused, and when a slot is given back."""

from __future__ import annotations

from collections.abc import Iterator

from tests.comparison.build import (
    FLOW,
    delete,
    flow_run,
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
from tests.comparison.model import Case, Step
from tests.comparison.task_matrix import INITIAL, PROPOSED, RUNNING

PLACES: dict[str, str | None] = {"in a flow": FLOW, "alone": None}
TAG = "{unique}"
A, B = "{unique}-a", "{unique}-b"


def cases() -> Iterator[Case]:
    yield from taking()
    yield from giving_back()
    yield from two_tags()
    yield from lives()


def slots(name: str, *steps: Step) -> Case:
    return Case("task_slots", name, steps)


def around(parent: str | None) -> tuple[Step, ...]:
    return (flow_run(RUNNING),) if parent else ()


def holder(*tags: str, name: str = "holder") -> Step:
    """Another run that holds a slot of each of these tags: alone, so that its creation takes them."""
    return task_run(RUNNING, parent=None, step=name, tags=list(tags))


def taking() -> Iterator[Case]:
    """From each initial state to RUNNING, with a limit that is free, full, zero."""
    for initial, states in INITIAL.items():
        for place, parent in PLACES.items():
            for how in ("asked", "forced"):
                begun = (*around(parent), task_run(states[0], parent=parent, tags=[TAG, "other"]), *reach(states))
                propose = (set_state(RUNNING, force=how == "forced"), read(), read_limit(TAG))
                name = f"{place}/{initial} to RUNNING/{how}"
                yield slots(f"free/{name}", *begun, limit(TAG, 2), *propose)
                yield slots(f"full/{name}", *begun, limit(TAG, 1), holder(TAG), *propose)
                yield slots(f"zero/{name}", *begun, limit(TAG, 0), *propose)


def giving_back() -> Iterator[Case]:
    """From RUNNING with a slot to each state, and what happens with the slot."""
    for proposed, wanted in PROPOSED.items():
        for place, parent in PLACES.items():
            for how in ("asked", "forced"):
                begun = (*around(parent), limit(TAG, 2), task_run(parent=parent, tags=[TAG]))
                run = set_state(RUNNING, name="run", record=False)
                propose = (set_state(wanted, force=how == "forced"), read(), read_limit(TAG))
                yield slots(f"held/{place}/RUNNING to {proposed}/{how}", *begun, run, *propose)
    for place, parent in PLACES.items():
        begun = (*around(parent), limit(TAG, 1), task_run(parent=parent, tags=[TAG], empirical_policy={"retries": 1}))
        run = set_state(RUNNING, name="run", record=False)
        yield slots(f"held/{place}/retry", *begun, run, set_state(state("FAILED")), read_limit(TAG))
        cancel = set_state(state("CANCELLING"), name="cancel")
        end = set_state(state("CANCELLED"), name="end")
        steps = (run, cancel, read_limit(TAG, "kept"), end, read_limit(TAG))
        yield slots(f"held/{place}/cancelling, then cancelled", *begun, *steps)
        again = (run, set_state(RUNNING), read(), read_limit(TAG))
        yield slots(f"held/{place}/the last slot, RUNNING again", *begun, *again)
        late = set_state(state("COMPLETED", name="late"), name="late")
        yield slots(f"held/{place}/the last slot, then done", *begun, *again[:2], late, read_limit(TAG))


def two_tags() -> Iterator[Case]:
    """Two tags of which the one, the other or both have no slot left; the order of the run's tags both ways."""
    counts = {"free": 2, "full": 1, "zero": 0}
    for first, first_slots in counts.items():
        for second, second_slots in counts.items():
            for tags in ([A, B], [B, A]):
                for place, parent in PLACES.items():
                    held = [tag for tag, kind in ((A, first), (B, second)) if kind == "full"]
                    limits = (limit(A, first_slots, "limit_a"), limit(B, second_slots, "limit_b"))
                    others = (holder(*held),) if held else ()
                    run = task_run(parent=parent, tags=tags)
                    propose = (set_state(RUNNING), read(), read_limit(A, "slots_a"), read_limit(B, "slots_b"))
                    order = "in order" if tags == [A, B] else "turned round"
                    name = f"two/{place}/{first} and {second}/{order}"
                    yield slots(name, *around(parent), *limits, *others, run, *propose)


def lives() -> Iterator[Case]:
    """Slots and the other rules, and limits that come, go and change while runs hold them."""
    for place, parent in PLACES.items():
        before = around(parent)
        later = task_run(state("SCHEDULED", scheduled_time=now(600)), parent=parent, tags=[TAG])
        propose = (set_state(RUNNING), read(), read_limit(TAG))
        yield slots(f"lives/{place}/too early", *before, limit(TAG, 1), later, *propose)
        run = task_run(parent=parent, tags=[TAG, TAG])
        yield slots(f"lives/{place}/the same tag twice", *before, limit(TAG, 1), run, *propose)
        run = task_run(parent=parent, tags=[TAG])
        start = set_state(RUNNING, name="start", record=False)
        lower = post("/concurrency_limits/", {"tag": TAG, "concurrency_limit": 0}, "lower", record=False)
        done = set_state(state("COMPLETED"))
        yield slots(
            f"lives/{place}/lowered while held", *before, limit(TAG, 1), run, start, lower, done, read_limit(TAG)
        )
        gone = delete("/concurrency_limits/tag/" + TAG, "gone")
        back = limit(TAG, 1, "back")
        yield slots(
            f"lives/{place}/made anew while held", *before, limit(TAG, 1), run, start, gone, back, done, read_limit(TAG)
        )
        yield slots(f"lives/{place}/made while running", *before, run, start, limit(TAG, 1), *propose)
        reset = post(f"/concurrency_limits/tag/{TAG}/reset", {}, "reset", record=False)
        steps: tuple[Step, ...] = (limit(TAG, 1), holder(TAG), run, reset, *propose)
        yield slots(f"lives/{place}/reset", *before, *steps)
        steps = (limit(TAG, 1), run, start, delete("/task_runs/{task_run}", "gone"), read_limit(TAG))
        yield slots(f"lives/{place}/the run is deleted", *before, *steps)
        created = task_run(RUNNING, parent=parent, tags=[TAG], record=True)
        for count in (0, 1):
            yield slots(
                f"lives/{place}/created running, limit {count}", *before, limit(TAG, count), created, read_limit(TAG)
            )
        filled = (limit(TAG, 1), holder(TAG), created, read_limit(TAG))
        yield slots(f"lives/{place}/created running, full", *before, *filled)
    steps = (limit(TAG, 1), task_run(tags=[TAG]), set_state(RUNNING), delete("/flow_runs/{flow_run}", "gone"))
    yield slots("lives/the flow run is deleted", *around(FLOW), *steps, read_limit(TAG))
    paused = (flow_run(RUNNING), set_state(state("PAUSED"), run=FLOW, name="pause", record=False))
    yield slots("lives/the flow run is paused", *paused, limit(TAG, 1), task_run(tags=[TAG]), *ask())


def ask() -> tuple[Step, ...]:
    return (set_state(RUNNING), read(), read_limit(TAG))
