"""How a made-up run goes from state to state, and what its row then says.

What lives here: ids, times and states. What does not: which paths there are (world.py), and the runs (flow_runs.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

from msgspec.structs import replace

from interlock.orchestration.states import State, StateDetails, StateType
from interlock.storage.demo.world import Step
from interlock.storage.types import EPOCH

RETRY_DELAY = timedelta(seconds=10)
_BRIEF = timedelta(milliseconds=50)
_MILLISECOND = timedelta(milliseconds=1)
_VARIANT = 0b10 << 62

Timed = tuple[datetime, Step]


def id_at(rng: Random, at: datetime) -> str:
    """An id as the server would have made it at that time: a UUID of version 7."""
    digits = f"{(at - EPOCH) // _MILLISECOND:012x}7{rng.getrandbits(12):03x}{_VARIANT | rng.getrandbits(62):016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def timed(path: Iterable[Step], start: datetime, stays: Mapping[StateType, timedelta]) -> list[Timed]:
    """When the run reaches each step of the path, given how long it stays in states of each type."""
    found, at = [], start
    for step in path:
        found.append((at, step))
        at += stays.get(step.type, _BRIEF)
    return found


def states_until(rng: Random, path: Iterable[Timed], end: datetime, details: StateDetails) -> list[State]:
    """The states that the run has had by then."""
    return [_state(rng, at, step, details) for at, step in path if at <= end]


def _state(rng: Random, at: datetime, step: Step, details: StateDetails) -> State:
    if step.type is StateType.SCHEDULED:
        details = replace(details, scheduled_time=at + RETRY_DELAY)
    return State(id=id_at(rng, at), type=step.type, name=step.name, timestamp=at, message=step.message, details=details)


def lived(states: Sequence[State]) -> dict[str, Any]:
    """The values of a run's row that follow from its states."""
    first, last = states[0], states[-1]
    running = [x.timestamp for x in states if x.type is StateType.RUNNING]
    stays = (after.timestamp - x.timestamp for x, after in pairwise(states) if x.type is StateType.RUNNING)
    return {
        "created": first.timestamp,
        "updated": last.timestamp,
        "state": last,
        "run_count": len(running),
        "expected_start_time": first.details.scheduled_time or first.timestamp,
        "next_scheduled_start_time": last.details.scheduled_time,
        "start_time": running[0] if running else None,
        "end_time": last.timestamp if running and last.is_terminal else None,
        "total_run_time": sum(stays, timedelta()).total_seconds(),
    }
