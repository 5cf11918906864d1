"""Variables on the wire."""

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from interlock.api.schemas.base import FROM_NUMBER, Answer, FilterOperator, Id, StrictBody, Text, Timestamp

NAME_LENGTH = 255
VALUE_LENGTH = 5000


def _variable_name(name: str) -> str:
    if not re.match("^[a-z0-9_]*$", name):
        raise ValueError("Variable name must only contain lowercase letters, numbers, and underscores.")
    return name


VariableName = Annotated[str, StringConstraints(max_length=NAME_LENGTH), FROM_NUMBER, AfterValidator(_variable_name)]
VariableValue = Annotated[str, StringConstraints(max_length=VALUE_LENGTH), FROM_NUMBER]


def _not_null(name: Any) -> Any:
    if name is None:
        raise PydanticCustomError("type_error", "expected string or bytes-like object, got 'NoneType'")
    return name


Tags = Annotated[list[Text], Field(examples=[["tag-1", "tag-2"]])]


class VariableCreateBody(StrictBody):
    """The body of a variable's creation."""

    name: VariableName
    value: VariableValue
    tags: Tags = Field(default_factory=list)


class VariableUpdateBody(StrictBody):
    """The body of a variable's update: only what is given changes."""

    name: Annotated[VariableName | None, BeforeValidator(_not_null)] = None
    value: VariableValue | None = None
    tags: Tags | None = None


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
    value: str
    tags: list[str]
