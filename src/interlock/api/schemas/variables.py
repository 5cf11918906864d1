"""Variables on the wire.

A value is any JSON for clients of the 3.x line. Those of the 2.x line know texts alone, and see another value as its
JSON. A text is a text for both.
"""

import json
import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError
from sqlalchemy import RowMapping

from interlock.api.schemas.base import (
    FROM_NUMBER,
    Answer,
    FilterOperator,
    Id,
    StrictBody,
    Text,
    Timestamp,
    json_bytes,
    json_text,
)

NAME_LENGTH = 255
TEXT_LENGTH = 5000
"""Of a value that a 2.x client gives, in characters."""

JSON_LENGTH = 5000
"""Of a value as JSON, in bytes."""


def _name(name: str) -> str:
    if not re.match("^[a-z0-9_-]*$", name):
        raise ValueError("Variable name must only contain lowercase letters, numbers, and dashes or underscores.")
    return name


def _name_2x(name: str) -> str:
    if not re.match("^[a-z0-9_]*$", name):
        raise ValueError("Variable name must only contain lowercase letters, numbers, and underscores.")
    return name


def _not_too_long(value: Any) -> Any:
    if value is not None and len(json_bytes(value)) > JSON_LENGTH:
        raise ValueError(f"Variable value must be less than {JSON_LENGTH} characters")
    return value


VariableName = Annotated[str, StringConstraints(max_length=NAME_LENGTH), FROM_NUMBER, AfterValidator(_name)]
VariableName2x = Annotated[str, StringConstraints(max_length=NAME_LENGTH), FROM_NUMBER, AfterValidator(_name_2x)]
VariableValue = Annotated[Any, BeforeValidator(_not_too_long), Field(description="Any JSON.")]
VariableValue2x = Annotated[str, StringConstraints(max_length=TEXT_LENGTH), FROM_NUMBER]


def _not_null(name: Any) -> Any:
    if name is None:
        raise PydanticCustomError("type_error", "expected string or bytes-like object, got 'NoneType'")
    return name


Tags = Annotated[list[Text], Field(examples=[["tag-1", "tag-2"]])]


class _VariableBody(StrictBody):
    def columns(self) -> dict[str, Any]:
        """The columns that are given."""
        values = self.model_dump(exclude_unset=True)
        return values | _stored(values["value"]) if "value" in values else values


class VariableCreateBody(_VariableBody):
    """The body of a variable's creation."""

    name: VariableName
    value: VariableValue
    tags: Tags = Field(default_factory=list)

    def columns(self) -> dict[str, Any]:
        """All columns but those of the identity."""
        return {"tags": self.tags} | super().columns()


class VariableUpdateBody(_VariableBody):
    """The body of a variable's update: only what is given changes."""

    name: Annotated[VariableName | None, BeforeValidator(_not_null)] = None
    value: VariableValue = None
    tags: Tags | None = None


class VariableCreateBody2x(VariableCreateBody):
    """The same of a 2.x client."""

    name: VariableName2x
    value: VariableValue2x


class VariableUpdateBody2x(VariableUpdateBody):
    """The same of a 2.x client. A value can't be taken away."""

    name: Annotated[VariableName2x | None, BeforeValidator(_not_null)] = None
    value: VariableValue2x | None = None

    def columns(self) -> dict[str, Any]:
        values = super().columns()
        return values | {"value": None} if values.get("is_json") else values


def _stored(value: Any) -> dict[str, Any]:
    """The columns of a value: its text, or that of its JSON."""
    if isinstance(value, str):
        return {"value": value, "is_json": False}
    return {"value": json_text(value), "is_json": True}


def value_of(text: str, is_json: bool) -> Any:
    """The value that is stored so."""
    return json.loads(text) if is_json else text


def encode_variable(row: RowMapping, as_2x: bool) -> dict[str, Any]:
    """A variable in the wire's spelling, ready for JSON, for a client of either line."""
    value = row["value"] if as_2x else value_of(row["value"], row["is_json"])
    return {name: row[name] for name in VariableAnswer.model_fields} | {"value": value}


class VariableIdFilter(StrictBody):
    any_: list[Id] | None = Field(None, description="One of these ids.")


class VariableNameFilter(StrictBody):
    any_: list[Text] | None = Field(None, description="One of these names.")
    like_: Text | None = Field(
        None,
        description="This somewhere in the name; `%` and `_` stand for any text and any character.",
        examples=["x_%"],
    )


class VariableValueFilter(StrictBody):
    any_: list[Text] | None = Field(None, description="One of these values.")
    like_: Text | None = Field(
        None, description="This somewhere in the value; `%` and `_` stand for any text and any character."
    )


class VariableTagsFilter(StrictBody):
    operator: FilterOperator = FilterOperator.and_
    all_: list[Text] | None = Field(None, description="All of these tags.", examples=[["tag-1", "tag-2"]])
    is_null_: bool | None = Field(None, description="No tags at all, or some.")


class VariableFilter(StrictBody):
    """Which variables: those for which all parts hold, or any of them."""

    operator: FilterOperator = FilterOperator.and_
    id: VariableIdFilter | None = None
    name: VariableNameFilter | None = None
    value: VariableValueFilter | None = None
    tags: VariableTagsFilter | None = None


class VariableSort(StrEnum):
    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"
    NAME_DESC = "NAME_DESC"
    NAME_ASC = "NAME_ASC"


class VariableAnswer(Answer):
    """A variable."""

    id: Id
    created: Timestamp
    updated: Timestamp
    name: str
    value: Any
    tags: list[str]
