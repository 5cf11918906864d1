"""What users and the server itself note: variables, saved searches, facts about the database."""

from sqlalchemy import Boolean, Column, Table

from interlock.storage.tables.columns import identity, metadata
from interlock.storage.types import Json, Text, TextList

variables = Table(
    "variables",
    metadata,
    *identity(),
    Column("name", Text, nullable=False, unique=True),
    Column("value", Text, nullable=False),
    Column("tags", TextList, nullable=False),
    # Whether the text is JSON, of a value that is no text.
    Column("is_json", Boolean, nullable=False),
)

saved_searches = Table(
    "saved_searches",
    metadata,
    *identity(),
    Column("name", Text, nullable=False, unique=True),
    Column("filters", Json, nullable=False),
)

# Facts about this database: the key that seals secret block fields.
configuration = Table(
    "configuration",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Json, nullable=False),
)
