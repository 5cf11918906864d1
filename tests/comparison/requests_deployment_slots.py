"""Slots of deployments' concurrency limits, as the peer of the 3.x line gives them to flow runs by their transitions.

Leases that expire take a minute, and are not for cases (tests/orchestration/test_deployment_slots.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from tests.comparison.build import call, delete, get, now, post, state
from tests.comparison.model import JSON, Case, Step

FAMILY = "requests_deployment_slots"
RENEWING = {"User-Agent": "prefect/3.9.1 (API 0.8.4)"}
AGENTS = {"a client that renews": RENEWING, "one that does not": {"User-Agent": "prefect/3.4.10 (API 0.8.4)"}}
LIMIT = get("/v2/concurrency_limits/deployment:{made}", "slots")
WAIT = (30.0, 30.0)
"""For how long the peer has a run wait for a slot, in seconds."""
BUSY = ("PENDING", "RUNNING", "CANCELLING")
LEFT: dict[str, dict[str, JSON]] = {
    "COMPLETED": state("COMPLETED"),
    "FAILED": state("FAILED"),
    "CRASHED": state("CRASHED"),
    "CANCELLED": state("CANCELLED"),
    "CANCELLING": state("CANCELLING"),
    "SCHEDULED": state("SCHEDULED", scheduled_time=now(60)),
    "AwaitingRetry": state("SCHEDULED", "AwaitingRetry", scheduled_time=now(60)),
    "suspended": state("PAUSED", "Suspended", pause_reschedule=True, pause_timeout=now(600)),
    "Submitting": state("PENDING", "Submitting"),
    "PENDING": state("PENDING"),
}


def cases() -> Iterator[Case]:
    for name, steps in (*collisions(), *progress(), *strange()):
        yield Case(FAMILY, name, steps, jitter=WAIT, peer="3.9")


Named = Iterator[tuple[str, tuple[Step, ...]]]


def deployment(slots: int = 1, strategy: str | None = None) -> Step:
    body: dict[str, JSON] = {"name": "{unique}", "flow_id": "{flow}", "concurrency_limit": slots}
    if strategy is not None:
        body["concurrency_options"] = {"collision_strategy": strategy}
    return post("/deployments/", body, "made", record=False)


def resized(slots: int) -> Step:
    return call("PATCH", LIMIT.path, "resized", {"limit": slots}, record=False)


def run(name: str) -> Step:
    return post("/deployments/{made}/create_flow_run", {}, name, record=False)


def move(name: str, kind: str | dict[str, JSON], step: str, *, force: bool = False, agent: JSON = None) -> Step:
    proposed = state(kind) if isinstance(kind, str) else kind
    body = {"state": proposed, "force": force}
    return post(f"/flow_runs/{{{name}}}/set_state", body, step, headers=agent or RENEWING)


def collisions() -> Named:
    for strategy, slots in product((None, "ENQUEUE", "CANCEL_NEW"), (0, 1, 2)):
        made = (deployment(1, strategy), resized(slots), run("one"), run("two"), run("three"))
        moves = (move(x, "PENDING", f"{x}_pending") for x in ("one", "two", "three"))
        yield f"limit {slots}, {strategy}", (*made, *moves, LIMIT)


def progress() -> Named:
    for (agent, headers), (label, left), reached in product(AGENTS.items(), LEFT.items(), (1, 2)):
        steps = [deployment(), run("one"), run("two")]
        steps += [move("one", kind, f"one_{kind}", agent=headers) for kind in BUSY[:reached]]
        steps += [move("one", left, "leave", agent=headers), LIMIT, move("two", "PENDING", "other", agent=headers)]
        yield f"{agent}, from {BUSY[reached - 1]} to {label}", tuple(steps)
        steps[-3] = move("one", left, "leave", force=True, agent=headers)
        yield f"{agent}, forced from {BUSY[reached - 1]} to {label}", tuple(steps)


def strange() -> Named:
    taken = (deployment(), run("one"), run("two"), move("one", "PENDING", "first"))
    yield "forced to pending", (*taken, move("two", "PENDING", "forced", force=True), LIMIT)
    yield "running without having been pending", (*taken, move("two", "RUNNING", "at once"), LIMIT)
    yield "pending twice", (*taken, move("one", "PENDING", "again"), LIMIT)
    yield "a wider limit", (*taken, resized(2), move("two", "PENDING", "other"), LIMIT)
    gone = delete(LIMIT.path, "gone")
    yield "no limit any more", (*taken, gone, move("two", "PENDING", "other"))
    done = (move("one", "RUNNING", "runs"), move("one", "COMPLETED", "done"), move("one", "SCHEDULED", "again"))
    yield "a second time", (*taken, *done, move("two", "PENDING", "other"), move("one", "PENDING", "waits"), LIMIT)
