"""Answers of what is done to many records at once."""

from enum import StrEnum
from typing import Any

from interlock.api.schemas.base import Answer, Id
from interlock.api.schemas.states import StateAnswer, TransitionDetails, encode_state, encode_verdict
from interlock.orchestration.decision import Abort, FlowDecision


class BulkDeleteAnswer(Answer):
    """The ids of what was deleted."""

    deleted: list[Id]


class BulkTransition(Answer):
    """The answer of set_state for one of many flow runs."""

    flow_run_id: Id
    status: str
    state: StateAnswer | None
    details: TransitionDetails


class BulkSetStateAnswer(Answer):
    """What became of each flow run, the newest first."""

    results: list[BulkTransition]


class CreationStatus(StrEnum):
    CREATED = "CREATED"
    FAILED = "FAILED"


class BulkCreation(Answer):
    """A flow run that was to be created: its id, or why there is none."""

    flow_run_id: Id | None = None
    status: CreationStatus
    error: str | None = None


class BulkCreateAnswer(Answer):
    """What became of each flow run that was to be created, in the order of the request."""

    results: list[BulkCreation]


def encode_transition(flow_run_id: str, outcome: FlowDecision | Exception) -> dict[str, Any]:
    """A decision about one of many flow runs in the wire's spelling; a refusal is told as an ABORT."""
    verdict = Abort(str(outcome)) if isinstance(outcome, Exception) else outcome.verdict
    state = None if isinstance(outcome, Exception) else encode_state(outcome.state)
    status, details = encode_verdict(verdict)
    return {"flow_run_id": flow_run_id, "status": status, "state": state, "details": details}
