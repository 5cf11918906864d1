"""Blocks: their types, schemas and documents."""

from sqlalchemy import Boolean, Column, Table, UniqueConstraint

from interlock.storage.tables.columns import identity, metadata, owned_by
from interlock.storage.types import JsonText, Text, TextList

block_types = Table(
    "block_types",
    metadata,
    *identity(),
    Column("name", Text, nullable=False),
    Column("slug", Text, nullable=False, unique=True),
    Column("logo_url", Text),
    Column("documentation_url", Text),
    Column("description", Text),
    Column("code_example", Text),
    Column("is_protected", Boolean, nullable=False),
)

block_schemas = Table(
    "block_schemas",
    metadata,
    *identity(),
    Column("checksum", Text, nullable=False),
    Column("fields", JsonText, nullable=False),
    Column("capabilities", TextList, nullable=False),
    Column("version", Text, nullable=False),
    owned_by("block_type_id", "block_types.id", nullable=False, index=True),
    UniqueConstraint("checksum", "version"),
)

block_schema_references = Table(
    "block_schema_references",
    metadata,
    *identity(),
    Column("name", Text, nullable=False),
    owned_by("parent_block_schema_id", "block_schemas.id", nullable=False, index=True),
    owned_by("reference_block_schema_id", "block_schemas.id", nullable=False, index=True),
)

block_documents = Table(
    "block_documents",
    metadata,
    *identity(),
    Column("name", Text, nullable=False),
    # Encrypted as a whole.
    Column("data", Text, nullable=False),
    Column("is_anonymous", Boolean, nullable=False),
    Column("block_type_name", Text),
    owned_by("block_type_id", "block_types.id", nullable=False),
    owned_by("block_schema_id", "block_schemas.id", nullable=False, index=True),
    UniqueConstraint("block_type_id", "name"),
)

block_document_references = Table(
    "block_document_references",
    metadata,
    *identity(),
    Column("name", Text, nullable=False),
    owned_by("parent_block_document_id", "block_documents.id", nullable=False, index=True),
    owned_by("reference_block_document_id", "block_documents.id", nullable=False, index=True),
)
