"""Saved searches on the wire."""

from typing import Any

from pydantic import Field

from interlock.api.schemas.base import Answer, Body, Id, StrictBody, Text, Timestamp


class SavedSearchFilter(Body):
    """One criterion of a saved search, as the dashboard spells it."""

    object: Text = Field(description="What is searched.")
    property: Text
    type: Text = Field(description="The type of the property.")
    operation: Text = Field(description="How the property is compared.", examples=["equals"])
    value: Any


class SavedSearchCreateBody(StrictBody):
    """The body of a saved search's creation, which replaces the search of the same name."""

    name: Text
    filters: list[SavedSearchFilter] = Field(default_factory=list)


class SavedSearchAnswer(Answer):
    """A saved search."""

    id: Id
    created: Timestamp
    updated: Timestamp
    name: str
    filters: list[SavedSearchFilter]
