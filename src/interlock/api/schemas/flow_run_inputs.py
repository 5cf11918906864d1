"""Inputs of flow runs on the wire."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from interlock.api.schemas.base import Answer, Body, Id, Text, Timestamp

_KEY = re.compile("[a-z0-9-]*")


def _plain_key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError("value must only contain lowercase letters, numbers, and dashes.")
    return key


class FlowRunInputCreateBody(Body):
    """The body of an input's creation."""

    key: Annotated[Text, AfterValidator(_plain_key)] = Field(description="Lower-case letters, digits and dashes.")
    value: Text = Field(description="The value of the input, usually JSON as text.")
    sender: Text | None = Field(None, description="Who sent it.")


class FlowRunInputAnswer(Answer):
    """An input of a flow run."""

    id: Id
    created: Timestamp
    updated: Timestamp
    flow_run_id: Id
    key: str
    value: str
    sender: str | None
