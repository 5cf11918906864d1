"""What block types, schemas and documents can be asked for on the wire."""

from enum import StrEnum
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from interlock.api.schemas.base import FilterOperator, Id, StrictBody, Text

IncludeSecrets = Annotated[bool, Query(description="Show secret values instead of a mask.")]


class IdFilter(StrictBody):
    any_: list[Id] | None = Field(None, description="One of these ids.")


class BlockTypeNameFilter(StrictBody):
    like_: Text | None = Field(None, description="This somewhere in the name, in any case.", examples=["marvin"])


class BlockTypeSlugFilter(StrictBody):
    any_: list[Text] | None = Field(None, description="One of these slugs.")


class BlockTypeFilter(StrictBody):
    """Which block types: those for which all parts hold."""

    name: BlockTypeNameFilter | None = None
    slug: BlockTypeSlugFilter | None = None


class CapabilitiesFilter(StrictBody):
    all_: list[Text] | None = Field(
        None, description="All of these capabilities.", examples=[["write-storage", "read-storage"]]
    )


class VersionFilter(StrictBody):
    any_: list[Text] | None = Field(None, description="One of these versions.", examples=[["2.0.0", "2.1.0"]])


class BlockSchemaFilter(StrictBody):
    """Which block schemas: those for which all parts hold, or any of them."""

    operator: FilterOperator = FilterOperator.and_
    block_type_id: IdFilter | None = None
    block_capabilities: CapabilitiesFilter | None = None
    id: IdFilter | None = None
    version: VersionFilter | None = None


class AnonymousFilter(StrictBody):
    eq_: bool | None = Field(None, description="Anonymous documents, or the others.")


class BlockDocumentNameFilter(StrictBody):
    any_: list[Text] | None = Field(None, description="One of these names.")
    like_: Text | None = Field(
        None,
        description="This somewhere in the name; `%` and `_` stand for any text and any character.",
        examples=["my-block%"],
    )


class BlockDocumentFilter(StrictBody):
    """Which block documents: those for which all parts hold, or any of them."""

    operator: FilterOperator = FilterOperator.and_
    id: IdFilter | None = None
    is_anonymous: AnonymousFilter | None = Field(
        default=AnonymousFilter(eq_=False), description="Anonymous documents are left out unless this says otherwise."
    )
    block_type_id: IdFilter | None = None
    name: BlockDocumentNameFilter | None = None


def wanted(given: StrictBody | None) -> dict[str, Any] | None:
    """What a filter asks for, without what it does not."""
    return None if given is None else given.model_dump(exclude_none=True)


class BlockDocumentSort(StrEnum):
    NAME_DESC = "NAME_DESC"
    NAME_ASC = "NAME_ASC"
    BLOCK_TYPE_AND_NAME_ASC = "BLOCK_TYPE_AND_NAME_ASC"
