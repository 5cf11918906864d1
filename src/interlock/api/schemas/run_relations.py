"""What hangs on one run, on the wire."""

from pydantic import Field

from interlock.api.schemas.base import Answer, Id, Timestamp
from interlock.api.schemas.concurrency_limits_v2 import LimitReferenceAnswer
from interlock.orchestration.states import StateType


class DependentAnswer(Answer):
    """A task run that was given the result of another."""

    id: Id
    name: str
    state_type: StateType | None
    state_name: str | None
    inputs: list[str] = Field(description="The names of those of its inputs that are, or hold, the result.")


class HeldSlotsAnswer(Answer):
    """Slots of a limit that a run holds."""

    limit: LimitReferenceAnswer
    slots: int
    lease_id: Id | None = Field(description="Null where they are held by the state of the run.")
    expiration: Timestamp | None = Field(description="When the lease ends unless it is renewed; null: with the run.")
