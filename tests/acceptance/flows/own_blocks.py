"""A module of block types, for `prefect block register`."""

from prefect.blocks.core import Block
from pydantic.v1 import SecretStr


class AcceptanceCredentials(Block):
    """A block with a secret."""

    _block_type_name = "Acceptance Credentials"
    user: str
    password: SecretStr


class AcceptanceService(Block):
    """A block that holds another."""

    _block_type_name = "Acceptance Service"
    url: str
    credentials: AcceptanceCredentials
    retries: int = 3
