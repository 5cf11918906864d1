"""Column types that mean the same on both databases.

What lives here: how ids, times, texts and JSON are kept. What does not: the tables that use them (tables/).
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy
from sqlalchemy import BigInteger, DateTime, Dialect, String, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Id(TypeDecorator[str]):
    """A UUID as canonical lower-case text: readable in SQLite, a native uuid in PostgreSQL."""

    impl = String(36)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Uuid(as_uuid=False))
        return dialect.type_descriptor(String(36))


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time to the microsecond: an integer count of microseconds since 1970 in SQLite, so that it sorts,
    compares and divides as a number; a timestamptz in PostgreSQL. Takes any aware time."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return (value - EPOCH) // MICROSECOND

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        # Not process_result_value, which costs twice as much for each value.
        return None if dialect.name == "postgresql" else _time


def _time(microseconds: int | None) -> datetime | None:
    # By place: by its name an argument costs half as much again, and a page has thousands of times.
    return None if microseconds is None else EPOCH + timedelta(0, 0, microseconds)


class Text(TypeDecorator[str]):
    """A text that is compared and sorted by its characters' numbers, whatever the language of the database."""

    impl = sqlalchemy.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        collation = "C" if dialect.name == "postgresql" else None
        return dialect.type_descriptor(sqlalchemy.Text(collation=collation))


class Json(TypeDecorator[Any]):
    """Any JSON value, decoded on the way out. A Python None is stored as NULL. Kept as text, so that the keys of an
    object keep their order."""

    impl = sqlalchemy.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else msgspec.json.decode(value)


class JsonText(TypeDecorator[str]):
    """JSON that the server only carries: text in, the same text out, never decoded."""

    impl = sqlalchemy.Text
    cache_ok = True


class TextList(TypeDecorator[Any]):
    """A list of texts that is asked what it holds: JSON in SQLite, jsonb in PostgreSQL."""

    impl = sqlalchemy.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(JSONB(none_as_null=True) if dialect.name == "postgresql" else sqlalchemy.Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return msgspec.json.encode(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return msgspec.json.decode(value)


class Keys(TypeDecorator[Any]):
    """Any number of values of one column as one parameter: a JSON list in SQLite, an array in PostgreSQL."""

    impl = sqlalchemy.Text
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            item = sqlalchemy.Text() if isinstance(self.item, Text) else self.item.dialect_impl(dialect)
            return dialect.type_descriptor(ARRAY(item))
        return dialect.type_descriptor(sqlalchemy.Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return list(value) if dialect.name == "postgresql" else msgspec.json.encode(list(value)).decode()


def name_of(kind: TypeEngine[Any], dialect: Dialect) -> str:
    """The type's name in casts, which take no collation."""
    return dialect.type_compiler_instance.process(kind).partition(" COLLATE ")[0]
