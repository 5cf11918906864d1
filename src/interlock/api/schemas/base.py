"""What all wire bodies share: strictness, coercions, ids and times.

What lives here: base models and field types. What does not: any resource's fields.
"""

import json
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictBool,
    StrictFloat,
    StrictInt,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
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


def _time(value: Any) -> Any:
    """A time in any spelling of ISO 8601; one without an offset is taken as UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise PydanticCustomError("value_error.parser", f"Unable to parse string [{value}]") from error
    if value is None:
        return value
    if not isinstance(value, datetime):
        raise ValueError("Unrecognized datetime.")
    # The first and the last year can't be told in every offset.
    if not MINYEAR < value.year < MAXYEAR:
        raise ValueError(f"year {value.year} is out of range")
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def timestamp(value: datetime) -> str:
    """The wire's spelling of a time: ISO 8601 with an offset, `+00:00` for UTC."""
    return value.isoformat()


Timestamp = Annotated[datetime, BeforeValidator(_time), PlainSerializer(timestamp, return_type=str, when_used="json")]
"""An aware time, which keeps the offset it came with."""


def _as_number_text(value: Any) -> Any:
    """Older clients send flags and numbers where text is due; all become their text."""
    return str(value) if isinstance(value, int | float) else value


FROM_NUMBER = BeforeValidator(_as_number_text)
"""Lets a number or flag become text. A bound on the text's length stands in front of it."""

Text = Annotated[str, FROM_NUMBER]
"""Text, or a number or flag that becomes its text."""


def from_pairs(value: Any) -> Any:
    """A list of pairs as an object, anything else as it is: older clients may send one for the other."""
    try:
        return dict(value)
    except (TypeError, ValueError):
        return value


def has_odd_keys(pairs: Any) -> bool:
    """Whether a list of pairs has keys that are no text, as no fields of an object can be named."""
    value = from_pairs(pairs)
    return isinstance(value, dict) and not all(isinstance(x, str) for x in value)


JsonObject = Annotated[dict[str, Any], BeforeValidator(from_pairs)]
"""A JSON object, or a list of pairs that becomes one."""


Labels = Annotated[
    dict[str, StrictBool | StrictInt | StrictFloat | str],
    Field(description="What a caller knows a record by. Values are texts, numbers or flags.", examples=[{"team": "a"}]),
]
"""What a record is labelled with."""


def _cut(value: Any) -> Any:
    """Text and flags become numbers and a fraction is cut off, as older clients rely on."""
    try:
        return int(value) if isinstance(value, str | float | bool) else value
    except (ValueError, OverflowError) as error:
        raise PydanticCustomError("int_type", "not an integer") from error


def _whole(value: Any) -> Any:
    value = _cut(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise PydanticCustomError("int_type", "more than 64 bits")
    return value


WholeNumber = Annotated[int, BeforeValidator(_whole)]
"""An integer of at most 64 bits, or a fraction that is cut to one."""

LongNumber = Annotated[int, BeforeValidator(_cut)]
"""As WholeNumber, of any size: for what has narrower bounds of its own."""

Number = Annotated[float, Field(allow_inf_nan=False)]
"""A finite number."""

_NOT_NEGATIVE_INT = TypeAdapter[int](Annotated[int, Field(ge=0, lt=2**63)])
_NOT_NEGATIVE_FLOAT = TypeAdapter[float](Annotated[float, Field(ge=0, allow_inf_nan=False)])
_POSITIVE_INT = TypeAdapter[int](Annotated[int, Field(gt=0, lt=2**63)])
_POSITIVE_DURATION = TypeAdapter[timedelta](Annotated[timedelta, Field(gt=timedelta(0))])


def _checked(adapter: TypeAdapter[Any], value: Any) -> Any:
    """The value as the adapter takes it. Its whole report is one error's message: that is how this wire words it."""
    try:
        return value if value is None else adapter.validate_python(value)
    except ValidationError as error:
        raise PydanticCustomError("value_error.validation", str(error)) from error


NotNegativeInt = Annotated[int, BeforeValidator(partial(_checked, _NOT_NEGATIVE_INT)), Field(ge=0)]
"""An integer of 0 or more, where a fraction is an error."""

NotNegativeNumber = Annotated[float, BeforeValidator(partial(_checked, _NOT_NEGATIVE_FLOAT)), Field(ge=0)]
"""A finite number of 0 or more."""

PositiveInt = Annotated[int, BeforeValidator(partial(_checked, _POSITIVE_INT)), Field(gt=0)]
"""An integer of 1 or more, where a fraction is an error."""

PositiveDuration = Annotated[timedelta, BeforeValidator(partial(_checked, _POSITIVE_DURATION))]
"""A time span above 0: seconds, or text as ISO 8601 has it."""

BANNED_IN_NAMES = ["/", "%", "&", ">", "<"]


def _plain_name(value: str) -> str:
    if any(x in value for x in BANNED_IN_NAMES):
        message = f"Name {value!r} contains an invalid character. Must not contain any of: {BANNED_IN_NAMES}."
        raise PydanticCustomError("value_error.invalidname", message)
    return value


PlainName = Annotated[Text, AfterValidator(_plain_name)]
"""A name that can stand in a path."""


class Body(BaseModel):
    """A part of a request that ignores what it does not know."""

    model_config = ConfigDict(coerce_numbers_to_str=True, extra="ignore")


class StrictBody(Body):
    """A request body that refuses keys it does not know."""

    model_config = ConfigDict(coerce_numbers_to_str=True, extra="forbid")


class FilterOperator(StrEnum):
    """How the parts of a filter go together: all of them, or any."""

    and_ = "and_"
    or_ = "or_"


class FilterBody(StrictBody):
    """A filter, or a part of one."""

    @model_validator(mode="before")
    @classmethod
    def _object(cls, value: Any) -> Any:
        if has_odd_keys(value):
            raise PydanticCustomError("type_error", "keywords must be strings")
        return from_pairs(value)


class Answer(BaseModel):
    """The shape of an answer: documents it, and encodes it where speed does not matter."""

    model_config = ConfigDict(from_attributes=True)


class CreatorAnswer(Answer):
    """Who made a record, where that is not a person."""

    id: Id | None = None
    type: str | None = None
    display_value: str | None = None


def json_bytes(value: Any) -> bytes:
    """A value as JSON; times get the wire's spelling. NaN and infinities become null, as JSON has none."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        # Integers of more than 64 bits, which clients may well send.
        finite = json.loads(json.dumps(value, default=_as_json), parse_constant=lambda _: None)
        return json.dumps(finite).encode()


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, orjson.Fragment):
        return json.loads(orjson.dumps(value))
    raise TypeError(f"no JSON value: {value!r}")


def json_text(value: Any) -> str:
    """As json_bytes, but text: what the tables keep of JSON that no rule reads."""
    return json_bytes(value).decode()


def fragment(text: str) -> orjson.Fragment:
    """JSON text, to be put into an answer as it is."""
    return orjson.Fragment(text)
