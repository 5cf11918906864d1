"""What is wrong with values by a JSON schema, on the wire."""

from typing import Any

from interlock.api.schemas.base import Answer


class SchemaFaultsAnswer(Answer):
    """What is wrong with values: messages, or for a place (`property` or `index`) its `errors`."""

    errors: list[str | dict[str, Any]]
    valid: bool
