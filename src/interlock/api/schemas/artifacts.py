"""Artifacts on the wire."""

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from interlock.api.schemas.base import Answer, FilterBody, FilterOperator, Id, StrictBody, Text, Timestamp, from_pairs

METADATA_MAX_LENGTH = 500
_KEY = re.compile("[a-z0-9-]*")


def _plain_key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError("Artifact key must only contain lowercase letters, numbers, and dashes.")
    return key


def _cut(metadata: dict[str, str]) -> dict[str, str]:
    return {
        name: value if len(value) <= METADATA_MAX_LENGTH else f"{value[:METADATA_MAX_LENGTH]}..."
        for name, value in metadata.items()
    }


Key = Annotated[Text, AfterValidator(_plain_key)]
Metadata = Annotated[
    dict[str, Text],
    BeforeValidator(from_pairs),
    AfterValidator(_cut),
    Field(description=f"Texts of the user's own; what is longer than {METADATA_MAX_LENGTH} characters is cut."),
]


class ArtifactCreateBody(StrictBody):
    """The body of an artifact's creation."""

    key: Key | None = Field(None, description="What later artifacts of the same kind share.")
    type: Text | None = Field(None, description="The shape of the data.", examples=["table", "markdown"])
    description: Text | None = None
    data: Any = None
    metadata_: Metadata | None = None
    flow_run_id: Id | None = None
    task_run_id: Id | None = None


class ArtifactUpdateBody(StrictBody):
    """The body of an artifact's update: only what is given changes."""

    data: Any = None
    description: Text | None = None
    metadata_: Metadata | None = None


class IdFilter(FilterBody):
    any_: list[Id] | None = None


class KeyFilter(FilterBody):
    any_: list[Text] | None = None
    like_: Text | None = Field(None, description="Somewhere in the key; `%` and `_` are wildcards.")
    exists_: bool | None = Field(None, description="Whether there is a key.")


class TypeFilter(FilterBody):
    any_: list[Text] | None = None
    not_any_: list[Text] | None = None


class ArtifactFilter(FilterBody):
    """Which artifacts: those for which all parts hold, or any of them."""

    operator: FilterOperator = FilterOperator.and_
    id: IdFilter | None = None
    key: KeyFilter | None = None
    flow_run_id: IdFilter | None = None
    task_run_id: IdFilter | None = None
    type: TypeFilter | None = None


class LatestArtifactFilter(FilterBody):
    """Which keys, by their newest artifact: those for which all parts hold, or any of them."""

    operator: FilterOperator = FilterOperator.and_
    latest_id: IdFilter | None = None
    key: KeyFilter | None = None
    flow_run_id: IdFilter | None = None
    task_run_id: IdFilter | None = None
    type: TypeFilter | None = None


class ArtifactSort(StrEnum):
    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"
    ID_DESC = "ID_DESC"
    KEY_DESC = "KEY_DESC"
    KEY_ASC = "KEY_ASC"


class ArtifactAnswer(Answer):
    """What a run published."""

    id: Id
    created: Timestamp
    updated: Timestamp
    key: str | None
    type: str | None
    description: str | None
    data: Any
    metadata_: dict[str, str] | None
    flow_run_id: Id | None
    task_run_id: Id | None


class LatestArtifactAnswer(Answer):
    """The newest artifact of a key. `id` is that of the key's own record, `latest_id` that of the artifact."""

    id: Id
    created: Timestamp
    updated: Timestamp
    key: str
    latest_id: Id
    type: str | None
    description: str | None
    data: Any
    metadata_: dict[str, str] | None
    flow_run_id: Id | None
    task_run_id: Id | None
