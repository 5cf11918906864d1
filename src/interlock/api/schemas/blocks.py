"""Block types, schemas and documents on the wire.

What lives here: bodies and answers. What does not: filters (block_filters.py).
"""

import html
import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from interlock.api.schemas.base import Answer, Id, JsonObject, PlainName, StrictBody, Text, Timestamp
from interlock.api.schemas.urls import WebAddress
from interlock.api.validation_errors import WHOLE
from interlock.storage.queries.block_schemas import NO_VERSION


def _dashed(value: str, what: str) -> str:
    if not re.match("^[a-z0-9-]*$", value):
        raise ValueError(f"{what} must only contain lowercase letters, numbers, and dashes.")
    return value


Slug = Annotated[Text, AfterValidator(lambda x: _dashed(x, "Block type slug"))]
DocumentName = Annotated[Text, AfterValidator(lambda x: _dashed(x, "Block document name"))]


def _named(is_anonymous: bool, info: ValidationInfo) -> bool:
    if not is_anonymous and not info.data.get("name"):
        raise PydanticCustomError(WHOLE, "Names must be provided for block documents.")
    return is_anonymous


class BlockTypeCreateBody(StrictBody):
    """The body of a block type's creation."""

    name: PlainName
    slug: Slug
    logo_url: WebAddress | None = None
    documentation_url: WebAddress | None = None
    description: Text | None = Field(None, description="What blocks of this type are for.")
    code_example: Text | None = None

    def values(self) -> dict[str, Any]:
        """The columns, with texts that a web page may show as they are."""
        values = self.model_dump()
        for column in ("description", "code_example"):
            if values[column] is not None:
                values[column] = html.escape(values[column], quote=False)
        return values


class BlockTypeUpdateBody(StrictBody):
    """The body of a block type's update: only what is given changes."""

    logo_url: WebAddress | None = None
    documentation_url: WebAddress | None = None
    description: Text | None = None
    code_example: Text | None = None


class BlockTypeAnswer(Answer):
    """A block type. A protected one can't be deleted."""

    id: Id
    created: Timestamp
    updated: Timestamp
    name: str
    slug: str
    logo_url: str | None
    documentation_url: str | None
    description: str | None
    code_example: str | None
    is_protected: bool


class BlockSchemaCreateBody(StrictBody):
    """The body of a block schema's creation."""

    fields: JsonObject = Field(default_factory=dict, description="What blocks of this schema hold, as JSON schema.")
    block_type_id: Id | None
    capabilities: list[Text] = Field(default_factory=list, description="What blocks of this schema can do.")
    version: Text = NO_VERSION


class BlockSchemaAnswer(Answer):
    """A block schema. `fields` holds the definitions of the schemas it refers to."""

    id: Id
    created: Timestamp
    updated: Timestamp
    checksum: str
    fields: dict[str, Any]
    block_type_id: Id
    block_type: BlockTypeAnswer
    capabilities: list[str]
    version: str


class BlockDocumentCreateBody(StrictBody):
    """The body of a block document's creation."""

    name: DocumentName | None = Field(None, description="Needed unless the document is anonymous.")
    data: JsonObject = Field(default_factory=dict)
    block_schema_id: Id
    block_type_id: Id
    is_anonymous: Annotated[bool, AfterValidator(_named)] = Field(
        False, validate_default=True, description="Anonymous documents are made by programs, and are not listed."
    )


class BlockDocumentUpdateBody(StrictBody):
    """The body of a block document's update. A schema is taken only along with data."""

    block_schema_id: Id | None = None
    data: JsonObject = Field(default_factory=dict)
    merge_existing_data: bool = Field(True, description="Whether what the data does not name stays as it is.")

    def changes_data(self) -> bool:
        """Whether the document gets new data; none where all is to stay."""
        return "data" in self.model_fields_set or not self.merge_existing_data


class BlockDocumentAnswer(Answer):
    """A block document. Fields that refer to other documents hold the data of those."""

    id: Id
    created: Timestamp
    updated: Timestamp
    name: str
    data: dict[str, Any]
    block_schema_id: Id
    block_schema: BlockSchemaAnswer
    block_type_id: Id
    block_type_name: str | None
    block_type: BlockTypeAnswer
    block_document_references: dict[str, "BlockDocumentReferenceAnswer"] = Field(
        description="For each field that refers to another document, what that one is."
    )
    is_anonymous: bool


class BlockDocumentReferenceAnswer(Answer):
    """What a field of a block document refers to."""

    block_document: "ReferredDocumentAnswer"


class ReferredDocumentAnswer(Answer):
    """A block document as one that refers to it shows it."""

    id: Id
    name: str
    block_type: BlockTypeAnswer
    is_anonymous: bool
    block_document_references: dict[str, BlockDocumentReferenceAnswer]
