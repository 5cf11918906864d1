"""Flows on the wire."""

from typing import Any

from pydantic import Field

from interlock.api.schemas.base import Answer, Id, Labels, PlainName, StrictBody, Text, Timestamp


class FlowCreateBody(StrictBody):
    """The body of a flow's creation."""

    name: PlainName = Field(examples=["my-flow"])
    tags: list[Text] = Field(default_factory=list, examples=[["tag-1", "tag-2"]])
    labels: Labels | None = None


class FlowUpdateBody(StrictBody):
    """The body of a flow's update: only what is given changes."""

    tags: list[Text] = Field(default_factory=list, examples=[["tag-1", "tag-2"]])


class FlowAnswer(Answer):
    """A flow."""

    id: Id
    created: Timestamp
    updated: Timestamp
    name: str
    tags: list[str]
    labels: dict[str, Any]
