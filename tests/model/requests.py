"""Requests drawn at random: what is likely to lead somewhere is likely.

What lives here: hypothesis strategies for proposals and requests, as of what a ledger holds. What does not: how they
are sent (machine.py). Keys, tags and transition ids are few, so that they meet.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy, sampled_from

from tests.model import calls
from tests.model.calls import Call
from tests.model.ledger import Ledger
from tests.model.records import TYPES, Proposal

NOWHERE = "00000000-0000-0000-0000-00000000dead"
TAGS = ("x", "y")
TRANSITION_IDS = ("00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002")

REFERENCE = {"type": "reference", "storage_key": "key"}
DATA: tuple[Any, ...] = (None, None, {"type": "unpersisted"}, REFERENCE, {"type": "literal", "value": 1}, [], "")
NAMES = (None, None, None, "Late", "AwaitingRetry", "Resuming", "Suspended", "Custom")
LIKELY_TYPES = ("RUNNING",) * 9 + ("COMPLETED",) * 4 + ("FAILED",) * 2 + ("SCHEDULED", "CANCELLING") * 2 + TYPES

# What each type of state is likely to say of itself. Times are told in seconds from now.
DETAILS: dict[str, dict[str, tuple[Any, ...]]] = {
    "SCHEDULED": {"scheduled_time": (None, -600, 0.5, 0.75, 30)},
    "PENDING": {"scheduled_time": (None, None, 0.75, 30)},
    "RUNNING": {"cache_key": (None, None, "c", "d"), "refresh_cache": (None, None, True)},
    "COMPLETED": {"cache_key": (None, "c", "c", "d"), "cache_expiration": (None, -1, 0.25, 2)},
    "FAILED": {"retriable": (None, None, False)},
    "PAUSED": {"pause_key": ("p", "q"), "pause_reschedule": (None, True), "pause_timeout": (None, -1, 2, 60)},
}
TIMES = {"scheduled_time", "cache_expiration", "pause_timeout"}


@st.composite
def proposals(draw: DrawFn, now: datetime) -> Proposal:
    kind = draw(sampled_from(LIKELY_TYPES))
    drawn = {name: draw(sampled_from(values)) for name, values in DETAILS.get(kind, {}).items()}
    drawn["transition_id"] = draw(sampled_from((None, None, *TRANSITION_IDS)))
    details = {
        name: now + timedelta(seconds=value) if name in TIMES else value
        for name, value in drawn.items()
        if value is not None
    }
    message = draw(sampled_from((None, "message")))
    return Proposal(kind, draw(sampled_from(NAMES)), message, draw(sampled_from(DATA)), details)


def _one_of(ledger: Ledger, ids: Iterable[str]) -> SearchStrategy[str]:
    """One of these ids, or now and then that of what was deleted last."""
    return sampled_from([*ids] * 6 + list(ledger.gone)[-1:] or [NOWHERE])


def create_flow(ledger: Ledger) -> SearchStrategy[Call]:
    return sampled_from(("one", "other")).map(calls.create_flow)


def create_deployment(ledger: Ledger) -> SearchStrategy[Call]:
    return _one_of(ledger, ledger.flows).map(calls.create_deployment)


def flow_run_draft(flow_id: str, **fields: Any) -> dict[str, Any]:
    """What a client gives of a flow run."""
    references = {"idempotency_key": None, "parent_task_run_id": None, "deployment_id": None}
    return {"flow_id": flow_id, **references, "tags": (), "retries": 1, "delay": None, **fields}


def task_run_draft(flow_run_id: str | None, **fields: Any) -> dict[str, Any]:
    """What a client gives of a task run."""
    key = {"flow_run_id": flow_run_id, "task_key": "task", "dynamic_key": "0"}
    return {**key, "tags": ("x",), "retries": 1, "delay": None, **fields}


@st.composite
def create_flow_run(draw: DrawFn, ledger: Ledger) -> Call:
    flow_id = draw(_one_of(ledger, ledger.flows))
    parents = [x.id for x in ledger.task_runs.values() if x.flow_run_id is not None]
    draft = flow_run_draft(
        flow_id,
        idempotency_key=draw(sampled_from((None, "k", "l"))),
        parent_task_run_id=draw(st.none() | _one_of(ledger, parents)),
        deployment_id=draw(sampled_from((None, ledger.deployments.get(flow_id)))),
        tags=draw(sampled_from(((), TAGS))),
        retries=draw(sampled_from((None, 0, 1, 2))),
        delay=draw(sampled_from((None, 1, 20))),
    )
    return calls.create_flow_run(draft, draw(_first_states(ledger)))


@st.composite
def create_task_run(draw: DrawFn, ledger: Ledger) -> Call:
    draft = task_run_draft(
        draw(_one_of(ledger, ledger.flow_runs) | st.none()),
        dynamic_key=draw(sampled_from("0123")),
        tags=draw(sampled_from((("x",), (), ("y",), TAGS))),
        retries=draw(sampled_from((None, 0, 1, 2))),
        delay=draw(sampled_from((None, 1, [1, 20]))),
    )
    run_id = draw(sampled_from((None, None, *list(ledger.task_runs)[:1])) | st.uuids().map(str))
    return calls.create_task_run(run_id, draft, draw(_first_states(ledger)))


def _first_states(ledger: Ledger) -> SearchStrategy[Proposal | None]:
    return st.one_of(st.none(), st.just(Proposal("RUNNING")), proposals(ledger.now))


def set_task_run_state(ledger: Ledger) -> SearchStrategy[Call]:
    runs = _one_of(ledger, ledger.task_runs)
    return st.builds(calls.set_task_run_state, runs, proposals(ledger.now), _seldom)


def set_flow_run_state(ledger: Ledger) -> SearchStrategy[Call]:
    runs = _one_of(ledger, ledger.flow_runs)
    return st.builds(calls.set_flow_run_state, runs, proposals(ledger.now), _seldom)


_seldom = sampled_from((False, False, False, False, True))


def delete(ledger: Ledger) -> SearchStrategy[Call]:
    task_run = _one_of(ledger, ledger.task_runs).map(calls.delete_task_run)
    flow_run = _one_of(ledger, ledger.flow_runs).map(calls.delete_flow_run)
    # The first flow stays, for the others to be something to go on with.
    flow = _one_of(ledger, list(ledger.flows)[1:]).map(calls.delete_flow)
    return st.one_of(task_run, task_run, task_run, flow_run, flow_run, flow)


def change_limit(ledger: Ledger) -> SearchStrategy[Call]:
    tags = sampled_from(TAGS)
    holders = st.lists(_one_of(ledger, (*ledger.task_runs, NOWHERE)), max_size=2)
    given = st.builds(calls.set_limit, tags, sampled_from((1, 2, 1, 2, 0)))
    return st.one_of(given, given, given, st.builds(calls.reset_limit, tags, holders), tags.map(calls.delete_limit))


def anything(ledger: Ledger) -> SearchStrategy[Call]:
    """Any request, mostly about a task run where there is one."""
    often = (set_task_run_state,) * 8 if ledger.task_runs else ()
    often += (set_flow_run_state,) * 3 if ledger.flow_runs else ()
    seldom = (create_task_run,) * 3 + (create_flow_run, delete) * 2 + (change_limit, create_flow, create_deployment)
    return sampled_from(often + seldom).flatmap(lambda kind: kind(ledger))
