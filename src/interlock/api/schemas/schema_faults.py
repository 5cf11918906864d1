"""What is wrong with values by a JSON schema, on the wire."""

from typing import Union

from interlock.api.schemas.base import Answer


class PropertyFaults(Answer):
    """What is wrong with a property of an object."""

    property: str
    errors: list[Union[str, "PropertyFaults", "IndexFaults"]]


class IndexFaults(Answer):
    """What is wrong with an element of a list."""

    index: int
    errors: list[Union[str, PropertyFaults, "IndexFaults"]]


class SchemaFaultsAnswer(Answer):
    """What is wrong with values: messages about the whole, and those of its parts."""

    errors: list[str | PropertyFaults | IndexFaults]
    valid: bool
