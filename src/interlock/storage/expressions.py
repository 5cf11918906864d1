"""SQL that each database spells in its own way.

What lives here: expressions that SQLAlchemy has no common word for. What does not: what they are used for (filters.py,
queries/).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnElement, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from interlock.storage.types import UtcTime


class has_tag(FunctionElement[bool]):
    """Whether a JSON list of texts holds this text: `has_tag(column, "text")`."""

    type = Boolean()
    inherit_cache = True


@compiles(has_tag, "sqlite")
def _has_tag_in_sqlite(element: has_tag, compiler: SQLCompiler, **options: Any) -> str:
    tags, tag = (compiler.process(x, **options) for x in element.clauses)
    return f"EXISTS (SELECT 1 FROM json_each({tags}) WHERE json_each.value = {tag})"


class microseconds_between(FunctionElement[int]):
    """From one time to another, negative where the second is the earlier one."""

    type = BigInteger()
    inherit_cache = True


@compiles(microseconds_between, "sqlite")
def _between_in_sqlite(element: microseconds_between, compiler: SQLCompiler, **options: Any) -> str:
    first, second = (compiler.process(x, **options) for x in element.clauses)
    return f"({second} - {first})"


class microseconds_after(FunctionElement[datetime]):
    """The time that is so many microseconds after another: `microseconds_after(time, count)`."""

    type = UtcTime()
    inherit_cache = True


@compiles(microseconds_after, "sqlite")
def _after_in_sqlite(element: microseconds_after, compiler: SQLCompiler, **options: Any) -> str:
    time, count = (compiler.process(x, **options) for x in element.clauses)
    return f"({time} + {count})"


class json_list(FunctionElement[str]):
    """Values as the text of a JSON list, so that a subquery can answer with more than one."""

    type = Text()
    inherit_cache = True


@compiles(json_list, "sqlite")
def _list_in_sqlite(element: json_list, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_array({', '.join(compiler.process(x, **options) for x in element.clauses)})"


class greatest(FunctionElement[Any]):
    """The greater of two numbers; NULL where one of them is."""

    type = BigInteger()
    inherit_cache = True


@compiles(greatest, "sqlite")
def _greatest_in_sqlite(element: greatest, compiler: SQLCompiler, **options: Any) -> str:
    first, second = (compiler.process(x, **options) for x in element.clauses)
    return f"max({first}, {second})"


class unindexed(FunctionElement[Any]):
    """A column whose index must not decide how the rows are found.

    SQLite takes an index for an equality, however many rows meet it; other databases know better.
    """

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        super().__init__(column)
        self.type = column.type


@compiles(unindexed)
def _unindexed(element: unindexed, compiler: SQLCompiler, **options: Any) -> str:
    (column,) = element.clauses
    return compiler.process(column, **options)


@compiles(unindexed, "sqlite")
def _unindexed_in_sqlite(element: unindexed, compiler: SQLCompiler, **options: Any) -> str:
    return f"+{_unindexed(element, compiler, **options)}"
