"""Inputs of flow runs on the wire."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from interlock.api.schemas.base import Answer, Id, Text, Timestamp

_KEY = re.compile("[a-z0-9-]*")


def _plain_key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError("value must only contain lowercase letters, numbers, and dashes.")
    return key


def _no_structure(value: Any) -> Any:
    if isinstance(value, list | dict):
        raise PydanticCustomError("type_error.bytes", "byte type expected")
    return value


InputKey = Annotated[Text, AfterValidator(_plain_key)]
"""Lower-case letters, digits and dashes."""

InputValue = Annotated[Text, BeforeValidator(_no_structure)]
"""Text, or a number or flag that becomes its text; JSON is given as text."""


class FlowRunInputAnswer(Answer):
    """An input of a flow run."""

    id: Id
    created: Timestamp
    updated: Timestamp
    flow_run_id: Id
    key: str
    value: str
    sender: str | None
