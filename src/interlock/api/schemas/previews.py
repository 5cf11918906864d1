"""Previews of set_state on the wire: its answer, and why and with what consequences it would be that."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from interlock.api.schemas.base import Answer, Id, Timestamp
from interlock.api.schemas.flow_runs import encode_flow_run
from interlock.api.schemas.states import StateAnswer, TransitionDetails, encode_state, encode_verdict
from interlock.api.schemas.task_runs import encode_task_run
from interlock.orchestration.previews import RULE_TEXTS, Outcome, OutcomeKind, Preview
from interlock.orchestration.runs import FlowRun, TaskRun
from interlock.orchestration.states import State

CHANGED_BY_TRANSITIONS = (
    "run_count",
    "flow_run_run_count",
    "expected_start_time",
    "next_scheduled_start_time",
    "start_time",
    "end_time",
    "total_run_time",
    "empirical_policy",
)
"""What may change of a run beside its state, as far as it has these fields."""


class PreviewedStateAnswer(StateAnswer):
    """A state; without an id where it has not been written."""

    id: Id | None  # type: ignore[assignment]


class RuleAnswer(Answer):
    """A rule by its name, and what it says."""

    name: str
    description: str


class ChangeAnswer(Answer):
    """A field of the run that would change along with the state."""

    field: str
    before: Any
    after: Any


class OutcomeAnswer(Answer):
    """Something else that would be written."""

    kind: OutcomeKind
    run_id: Id = Field(description="The run it happens to: the one asked about, or a task run that moves with it.")
    name: str | None = Field(
        description="Of slots the concurrency limit's name, of work slots the work queue's id, of the cache its key, "
        "of the queue of background runs the task's key."
    )
    until: Timestamp | None = Field(description="When the slot or the cached state expires, or the queued run is due.")
    state: PreviewedStateAnswer | None = Field(description="Of a task run that moves with it: where to.")


class PreviewAnswer(Answer):
    """What set_state would answer now, and why, and what would be written; nothing was.

    `would_write` tells whether the run would get a new state, `decided_by` which rule gave the verdict, null where
    none had anything to object to. `adjusted_by` are rules that changed something about the transition on its way.
    """

    state: PreviewedStateAnswer | None
    status: Literal["ACCEPT", "REJECT", "WAIT", "ABORT"]
    details: TransitionDetails
    would_write: bool
    decided_by: RuleAnswer | None
    adjusted_by: list[RuleAnswer]
    changes: list[ChangeAnswer]
    effects: list[OutcomeAnswer]


def encode_preview(preview: Preview, now: datetime) -> dict[str, Any]:
    """A preview in the wire's spelling, ready for JSON."""
    decision = preview.decision
    status, details = encode_verdict(decision.verdict)
    by = decision.ruling.by
    return {
        "state": _encode_state(decision.state, is_new=decision.written),
        "status": status,
        "details": details,
        "would_write": decision.written,
        "decided_by": None if by is None else _encode_rule(by),
        "adjusted_by": [_encode_rule(x) for x in decision.ruling.besides],
        "changes": _changes(_encode_run(preview.before, now), _encode_run(decision.run, now)),
        "effects": [_encode_outcome(x) for x in preview.outcomes],
    }


def _encode_state(state: State | None, *, is_new: bool) -> dict[str, Any] | None:
    encoded = encode_state(state)
    return encoded | {"id": None} if encoded is not None and is_new else encoded


def _encode_rule(name: str) -> dict[str, str]:
    return {"name": name, "description": RULE_TEXTS[name]}


def _encode_run(run: TaskRun | FlowRun, now: datetime) -> dict[str, Any]:
    return encode_task_run(run, now) if isinstance(run, TaskRun) else encode_flow_run(run, now, None)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    fields = (x for x in CHANGED_BY_TRANSITIONS if x in before and before[x] != after[x])
    return [{"field": x, "before": before[x], "after": after[x]} for x in fields]


def _encode_outcome(x: Outcome) -> dict[str, Any]:
    return {
        "kind": x.kind,
        "run_id": x.run_id,
        "name": x.name,
        "until": x.until,
        "state": _encode_state(x.state, is_new=True),
    }
