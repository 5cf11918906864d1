"""A module of block types for `prefect block register`; no script uses them."""

from prefect.blocks.core import Block
from pydantic.v1 import SecretStr


class RegisteredAccount(Block):
    """A block with a secret."""

    _block_type_name = "Registered Account"
    _block_type_slug = "registered-account"
    user: str
    password: SecretStr


class RegisteredVault(Block):
    """A block that holds another."""

    _block_type_name = "Registered Vault"
    _block_type_slug = "registered-vault"
    account: RegisteredAccount
