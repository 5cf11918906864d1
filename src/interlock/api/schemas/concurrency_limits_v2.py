"""Global concurrency limits on the wire."""

from typing import Annotated

from pydantic import Field

from interlock.api.schemas.base import Answer, Id, NotNegativeInt, NotNegativeNumber, PlainName, StrictBody, Timestamp
from interlock.orchestration.concurrency_leases import HolderType

Decay = Annotated[
    NotNegativeNumber, Field(description="How many slots free themselves a second; above 0, a rate limit.")
]


class GlobalLimitCreateBody(StrictBody):
    """The body of a global limit's creation."""

    active: bool = True
    name: PlainName
    limit: NotNegativeInt
    active_slots: NotNegativeInt = 0
    denied_slots: NotNegativeInt = 0
    slot_decay_per_second: Decay = 0.0


class GlobalLimitUpdateBody(StrictBody):
    """The body of a global limit's update: only what is given changes."""

    active: bool | None = None
    name: PlainName | None = None
    limit: NotNegativeInt | None = None
    active_slots: NotNegativeInt | None = None
    denied_slots: NotNegativeInt | None = None
    slot_decay_per_second: Decay | None = None


class NewGlobalLimitAnswer(Answer):
    """A global limit with everything that is kept of it."""

    id: Id
    created: Timestamp
    updated: Timestamp
    active: bool
    name: str
    limit: int
    active_slots: int
    denied_slots: int
    slot_decay_per_second: float
    avg_slot_occupancy_seconds: float


class GlobalLimitAnswer(Answer):
    """A global limit."""

    id: Id
    created: Timestamp
    updated: Timestamp
    active: bool
    name: str
    limit: int
    active_slots: int
    slot_decay_per_second: float


class LimitReferenceAnswer(Answer):
    """A limit whose slots were taken or given back."""

    id: Id
    name: str
    limit: int


class HolderBody(StrictBody):
    """Who slots are held for."""

    type: HolderType
    id: Id


class ActiveLeaseAnswer(Answer):
    """A lease that has not expired, and how many slots of a limit it holds."""

    lease_id: Id
    created: Timestamp
    expiration: Timestamp | None = Field(description="None for a lease that lasts as long as the run that holds it.")
    slots: int
    holder: HolderBody | None


class LeaseAnswer(Answer):
    """A lease, and the limits that it holds slots of."""

    lease_id: Id
    limits: list[LimitReferenceAnswer]
