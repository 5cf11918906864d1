"""Every transition of a flow run: each initial state by each proposed one, ad hoc and deployed, forced and not."""

from __future__ import annotations

from collections.abc import Iterator

from tests.comparison.build import FLOW, LITERAL, REFERENCE, UNPERSISTED, flow_run, now, reach, read, set_state, state
from tests.comparison.model import JSON, Case, Step

RUNNING = state("RUNNING")

INITIAL: dict[str, list[JSON]] = {
    "SCHEDULED": [state("SCHEDULED")],
    "SCHEDULED future": [state("SCHEDULED", scheduled_time=now(600))],
    "Late": [state("SCHEDULED", "Late", scheduled_time=now(-600))],
    "AwaitingRetry": [RUNNING, state("SCHEDULED", "AwaitingRetry", scheduled_time=now(-1))],
    "AwaitingRetry future": [RUNNING, state("SCHEDULED", "AwaitingRetry", scheduled_time=now(600))],
    "Resuming": [state("SCHEDULED", "Resuming")],
    "AwaitingConcurrencySlot": [state("SCHEDULED", "AwaitingConcurrencySlot", scheduled_time=now(600))],
    "PENDING": [state("PENDING")],
    "PENDING future": [state("PENDING", scheduled_time=now(600))],
    "RUNNING": [RUNNING],
    "RUNNING twice": [RUNNING, RUNNING],
    "COMPLETED": [RUNNING, state("COMPLETED")],
    "COMPLETED reference": [RUNNING, state("COMPLETED", data=REFERENCE)],
    "COMPLETED unpersisted": [RUNNING, state("COMPLETED", data=UNPERSISTED)],
    "COMPLETED literal": [RUNNING, state("COMPLETED", data=LITERAL)],
    "FAILED": [RUNNING, state("FAILED", message="it broke")],
    "FAILED reference": [RUNNING, state("FAILED", data=REFERENCE)],
    "CRASHED": [RUNNING, state("CRASHED")],
    "CRASHED reference": [RUNNING, state("CRASHED", data=REFERENCE)],
    "CANCELLED": [RUNNING, state("CANCELLED")],
    "CANCELLED never ran": [state("CANCELLED")],
    "CANCELLING": [RUNNING, state("CANCELLING")],
    "PAUSED": [RUNNING, state("PAUSED")],
    "PAUSED open": [RUNNING, state("PAUSED", pause_timeout=now(600), pause_key="first")],
    "PAUSED expired": [RUNNING, state("PAUSED", pause_timeout=now(-600))],
    "Suspended": [RUNNING, state("PAUSED", "Suspended", pause_reschedule=True)],
    "Suspended expired": [RUNNING, state("PAUSED", "Suspended", pause_reschedule=True, pause_timeout=now(-600))],
}

PROPOSED: dict[str, JSON] = {
    "SCHEDULED": state("SCHEDULED"),
    "Late": state("SCHEDULED", "Late", scheduled_time=now(-300)),
    "AwaitingRetry": state("SCHEDULED", "AwaitingRetry", scheduled_time=now(1200)),
    "Resuming": state("SCHEDULED", "Resuming"),
    "PENDING": state("PENDING"),
    "PENDING future": state("PENDING", scheduled_time=now(1200)),
    "RUNNING": state("RUNNING"),
    "COMPLETED": state("COMPLETED"),
    "COMPLETED reference": state("COMPLETED", data=REFERENCE),
    "FAILED": state("FAILED", message="again"),
    "CANCELLED": state("CANCELLED"),
    "CRASHED": state("CRASHED"),
    "PAUSED": state("PAUSED", pause_key="first"),
    "Suspended": state("PAUSED", "Suspended", pause_reschedule=True, pause_key="second"),
    "CANCELLING": state("CANCELLING"),
}


def cases() -> Iterator[Case]:
    yield from matrix()
    yield from created()
    yield from with_infrastructure()


def matrix() -> Iterator[Case]:
    for initial, states in INITIAL.items():
        for proposed, wanted in PROPOSED.items():
            for force in (False, True):
                how = "forced" if force else "asked"
                propose = (set_state(wanted, run=FLOW, force=force), read(FLOW))
                adhoc = (flow_run(states[0]), *reach(states, run=FLOW))
                yield Case("flow_matrix", f"ad hoc/{initial} to {proposed}/{how}", adhoc + propose)
                deployed = (flow_run(states[0], deployment_id="{deployment}"), *reach(states, run=FLOW))
                yield Case("flow_matrix", f"deployed/{initial} to {proposed}/{how}", deployed + propose)


def created() -> Iterator[Case]:
    """From no state: what a run is created in."""
    for proposed, wanted in PROPOSED.items():
        if not wanted.get("data"):
            yield Case("flow_matrix", f"ad hoc/none to {proposed}/created", (flow_run(wanted, record=True), read(FLOW)))


def with_infrastructure() -> Iterator[Case]:
    """To CANCELLING, of a run whose infrastructure has been reported."""
    for initial, states in INITIAL.items():
        for force in (False, True):
            how = "forced" if force else "asked"
            steps = (
                flow_run(states[0], deployment_id="{deployment}"),
                *reach(states, run=FLOW),
                _report_infrastructure(),
                set_state(state("CANCELLING"), run=FLOW, force=force),
                read(FLOW),
            )
            yield Case("flow_matrix", f"with infrastructure/{initial} to CANCELLING/{how}", steps)


def _report_infrastructure() -> Step:
    return Step("infrastructure", "PATCH", "/flow_runs/{flow_run}", {"infrastructure_pid": "host:1"}, record=False)
