"""States of runs: their types, details and the proposals that clients make.

What lives here: the frozen records and their defaults. What does not: the rules that decide whether a state may
follow another (task_rules.py, flow_rules.py) and the wire's spelling of a state (api/schemas).
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class StateType(StrEnum):
    """The nine kinds of state; the name of a state (Late, Retrying, Cached, ...) is free text beside it."""

    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    CRASHED = "CRASHED"
    PAUSED = "PAUSED"
    CANCELLING = "CANCELLING"


TERMINAL_TYPES = frozenset({StateType.COMPLETED, StateType.CANCELLED, StateType.FAILED, StateType.CRASHED})

UNPERSISTED = "unpersisted"
"""The `type` of state data that says: there was a result and it was not kept."""


class StateDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a state says beyond its type. Ids are canonical lower-case UUID text; times are aware and keep the offset
    with which they came."""

    flow_run_id: str | None = None
    task_run_id: str | None = None
    child_flow_run_id: str | None = None
    scheduled_time: datetime | None = None
    cache_key: str | None = None
    cache_expiration: datetime | None = None
    deferred: bool | None = None
    untrackable_result: bool = False
    pause_timeout: datetime | None = None
    pause_reschedule: bool = False
    pause_key: str | None = None
    run_input_keyset: dict[str, str] | None = None
    refresh_cache: bool | None = None
    retriable: bool | None = None
    transition_id: str | None = None
    task_parameters_id: str | None = None
    traceparent: str | None = None
    deployment_concurrency_lease_id: str | None = None


NO_DETAILS = StateDetails()


class ArtifactLabel(msgspec.Struct, frozen=True, kw_only=True):
    """What a client calls the artifact that keeps its state's data."""

    key: str | None = None
    type: str | None = None
    description: str | None = None


NO_LABEL = ArtifactLabel()


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A state that a client, or a rule, asks for: it has no id and no time until it is decided.

    `name` None means the type's own name. `data` is any JSON value.
    """

    type: StateType
    name: str | None = None
    message: str | None = None
    data: Any = None
    details: StateDetails = NO_DETAILS

    @property
    def state_name(self) -> str:
        """The name that the state will have."""
        return default_name(self.type) if self.name is None else self.name


class State(msgspec.Struct, frozen=True, kw_only=True):
    """A state that a run is, or was, in. `timestamp` is aware UTC.

    `transition_id` is the id of the request that led to this state, also where the server put another state in the
    place of the proposed one: it makes a repeated request recognisable. It is not shown on the wire; the
    `transition_id` in `details` is what the client itself wrote there.

    `label` is how the artifact is labelled that keeps the data of a state just decided. It goes to the artifact: a
    state read back from the store has none.
    """

    id: str
    type: StateType
    name: str
    timestamp: datetime
    message: str | None = None
    data: Any = None
    details: StateDetails = NO_DETAILS
    transition_id: str | None = None
    label: ArtifactLabel = NO_LABEL

    @property
    def is_terminal(self) -> bool:
        return self.type in TERMINAL_TYPES

    @property
    def is_observed(self) -> bool:
        """Whether a client told of it rather than asked for it: then the request is the state itself."""
        return self.transition_id == self.id


def default_name(state_type: StateType) -> str:
    """The name of a state that was given none: "Completed" for COMPLETED."""
    return state_type.value.capitalize()


def data_type(data: Any) -> str | None:
    """The `type` that state data declares (`reference`, `unpersisted`, ...), None where it declares none."""
    if isinstance(data, dict):
        declared = data.get("type")
        return declared if isinstance(declared, str) else None
    return None
