"""What all wire bodies share: strictness, coercions, ids and times.

What lives here: base models and field types. What does not: any resource's fields.
"""

import json
from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import orjson
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    Id = str
else:
    Id = Annotated[
        UUID,
        AfterValidator(str),
        PlainSerializer(str, return_type=str),
        WithJsonSchema({"type": "string", "format": "uuid"}),
    ]
"""A UUID in any spelling, canonical lower-case text once validated."""


def _aware(value: datetime) -> datetime:
    """A time without an offset is taken as UTC."""
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def timestamp(value: datetime) -> str:
    """The wire's spelling of a time: ISO 8601 with an offset, `+00:00` for UTC."""
    return value.isoformat()


Timestamp = Annotated[datetime, AfterValidator(_aware), PlainSerializer(timestamp, return_type=str, when_used="json")]
"""An aware time, which keeps the offset it came with."""


def _as_number_text(value: Any) -> Any:
    """Older clients send flags and numbers where text is due; all become their text."""
    return str(value) if isinstance(value, bool) else value


Text = Annotated[str, BeforeValidator(_as_number_text)]
"""Text, or a number or flag that becomes its text."""


def _cut(value: Any) -> Any:
    """A fraction is cut off, as older clients rely on; what is no finite number is left to be refused."""
    return int(value) if isinstance(value, float) and isfinite(value) else value


def _storable(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise PydanticCustomError("int_type", "value is not a valid integer")
    return value


WholeNumber = Annotated[int, BeforeValidator(_cut), AfterValidator(_storable)]
"""An integer of at most 64 bits, or a fraction that is cut to one."""


class Body(BaseModel):
    """A part of a request that ignores what it does not know."""

    model_config = ConfigDict(coerce_numbers_to_str=True, extra="ignore")


class StrictBody(Body):
    """A request body that refuses keys it does not know."""

    model_config = ConfigDict(coerce_numbers_to_str=True, extra="forbid")


class Answer(BaseModel):
    """The shape of an answer: documents it, and encodes it where speed does not matter."""

    model_config = ConfigDict(from_attributes=True)


def json_bytes(value: Any) -> bytes:
    """A value as JSON; times get the wire's spelling. NaN and infinities become null, as JSON has none."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        # Integers of more than 64 bits and lone surrogates, which clients may well send.
        return json.dumps(value).encode()


def json_text(value: Any) -> str:
    """As json_bytes, but text: what the tables keep of JSON that no rule reads."""
    return json_bytes(value).decode()


def fragment(text: str) -> orjson.Fragment:
    """JSON text, to be put into an answer as it is."""
    return orjson.Fragment(text)
