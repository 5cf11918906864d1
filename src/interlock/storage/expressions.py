"""SQL that each database spells in its own way.

What lives here: expressions that SQLAlchemy has no common word for. What does not: what they are used for (filters.py,
queries/).
"""

from datetime import datetime
from typing import Any, Self

from sqlalchemy import BigInteger, Boolean, ColumnElement, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType

from interlock.storage.types import UtcTime, name_of


class _Condition(FunctionElement[bool]):
    """Something that a row meets or not, by itself: where there is no boolean type it is not compared with 1, which
    would keep indexes from being used."""

    type = Boolean()
    inherit_cache = True

    def self_group(self, against: OperatorType | None = None) -> Self:
        return self


class has_tag(_Condition):
    """Whether a JSON list of texts holds this text: `has_tag(column, "text")`."""

    inherit_cache = True


@compiles(has_tag, "sqlite")
def _has_tag_in_sqlite(element: has_tag, compiler: SQLCompiler, **options: Any) -> str:
    tags, tag = (compiler.process(x, **options) for x in element.clauses)
    return f"EXISTS (SELECT 1 FROM json_each({tags}) WHERE json_each.value = {tag})"


@compiles(has_tag, "postgresql")
def _has_tag_in_postgresql(element: has_tag, compiler: SQLCompiler, **options: Any) -> str:
    tags, tag = (compiler.process(x, **options) for x in element.clauses)
    return f"({tags} ? {tag})"


class matches(_Condition):
    """Whether a text is like a pattern, in any case of the ASCII letters: `matches(column, "pattern")`.

    `%` stands for any text and `_` for any character, and nothing takes that meaning from them.
    """

    inherit_cache = True


@compiles(matches, "sqlite")
def _matches_in_sqlite(element: matches, compiler: SQLCompiler, **options: Any) -> str:
    text, pattern = (compiler.process(x, **options) for x in element.clauses)
    return f"({text} LIKE {pattern})"


@compiles(matches, "postgresql")
def _matches_in_postgresql(element: matches, compiler: SQLCompiler, **options: Any) -> str:
    text, pattern = (compiler.process(x, **options) for x in element.clauses)
    return f"({text} ILIKE {pattern} ESCAPE '')"


class microseconds_between(FunctionElement[int]):
    """From one time to another, negative where the second is the earlier one."""

    type = BigInteger()
    inherit_cache = True


@compiles(microseconds_between, "sqlite")
def _between_in_sqlite(element: microseconds_between, compiler: SQLCompiler, **options: Any) -> str:
    first, second = (compiler.process(x, **options) for x in element.clauses)
    return f"({second} - {first})"


@compiles(microseconds_between, "postgresql")
def _between_in_postgresql(element: microseconds_between, compiler: SQLCompiler, **options: Any) -> str:
    first, second = (compiler.process(x, **options) for x in element.clauses)
    # EXTRACT gives a decimal number, which takes five times as long. This one is exact for more than a hundred years.
    return f"CAST(date_part('epoch', {second} - {first}) * 1000000 AS BIGINT)"


class microseconds_after(FunctionElement[datetime]):
    """The time that is so many microseconds after another: `microseconds_after(time, count)`."""

    type = UtcTime()
    inherit_cache = True


@compiles(microseconds_after, "sqlite")
def _after_in_sqlite(element: microseconds_after, compiler: SQLCompiler, **options: Any) -> str:
    time, count = (compiler.process(x, **options) for x in element.clauses)
    return f"({time} + {count})"


@compiles(microseconds_after, "postgresql")
def _after_in_postgresql(element: microseconds_after, compiler: SQLCompiler, **options: Any) -> str:
    time, count = (compiler.process(x, **options) for x in element.clauses)
    return f"({time} + {count} * INTERVAL '1 microsecond')"


class minute_of(FunctionElement[datetime]):
    """When the minute began that a time is in."""

    type = UtcTime()
    inherit_cache = True


@compiles(minute_of, "sqlite")
def _minute_in_sqlite(element: minute_of, compiler: SQLCompiler, **options: Any) -> str:
    (time,) = (compiler.process(x, **options) for x in element.clauses)
    # The remainder of a time before 1970 is negative.
    return f"({time} - ({time} % 60000000 + 60000000) % 60000000)"


@compiles(minute_of, "postgresql")
def _minute_in_postgresql(element: minute_of, compiler: SQLCompiler, **options: Any) -> str:
    (time,) = (compiler.process(x, **options) for x in element.clauses)
    return f"date_trunc('minute', {time}, 'UTC')"


class json_list(FunctionElement[str]):
    """Values as the text of a JSON list, so that a subquery can answer with more than one."""

    type = Text()
    inherit_cache = True


@compiles(json_list, "sqlite")
def _list_in_sqlite(element: json_list, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_array({', '.join(compiler.process(x, **options) for x in element.clauses)})"


@compiles(json_list, "postgresql")
def _list_in_postgresql(element: json_list, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(json_build_array({', '.join(compiler.process(x, **options) for x in element.clauses)}) AS TEXT)"


class json_field(FunctionElement[str]):
    """A field of a JSON object that is kept as text: `json_field(column, "name")`. NULL where there is none."""

    type = Text()
    inherit_cache = True


@compiles(json_field, "sqlite")
def _field_in_sqlite(element: json_field, compiler: SQLCompiler, **options: Any) -> str:
    column, name = (compiler.process(x, **options) for x in element.clauses)
    return f"({column} ->> {name})"


@compiles(json_field, "postgresql")
def _field_in_postgresql(element: json_field, compiler: SQLCompiler, **options: Any) -> str:
    column, name = (compiler.process(x, **options) for x in element.clauses)
    return f"(CAST({column} AS JSON) ->> {name})"


class at_least_zero(FunctionElement[Any]):
    """A number, or 0 where it is negative. What becomes of NULL, NULL or 0, depends on the database: it is for sums."""

    type = BigInteger()
    inherit_cache = True


@compiles(at_least_zero, "sqlite")
def _at_least_zero_in_sqlite(element: at_least_zero, compiler: SQLCompiler, **options: Any) -> str:
    (number,) = element.clauses
    return f"max({compiler.process(number, **options)}, 0)"


@compiles(at_least_zero, "postgresql")
def _at_least_zero_in_postgresql(element: at_least_zero, compiler: SQLCompiler, **options: Any) -> str:
    (number,) = element.clauses
    return f"GREATEST({compiler.process(number, **options)}, 0)"


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


class among(_Condition):
    """Whether a column has one of the values in a parameter of the type Keys: `among(column, parameter)`."""

    inherit_cache = True


@compiles(among, "sqlite")
def _among_in_sqlite(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, keys = (compiler.process(x, **options) for x in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({keys}))"


@compiles(among, "postgresql")
def _among_in_postgresql(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, keys = (compiler.process(x, **options) for x in element.clauses)
    return f"{column} = ANY({keys})"


class keyed(_Condition):
    """Whether columns together have one of the keys in a parameter, the text of a JSON list of lists of values:
    `keyed(parameter, column, column)`."""

    inherit_cache = True


@compiles(keyed, "sqlite")
def _keyed_in_sqlite(element: keyed, compiler: SQLCompiler, **options: Any) -> str:
    keys, *columns = (compiler.process(x, **options) for x in element.clauses)
    parts = ", ".join(f"json_extract(value, '$[{i}]')" for i in range(len(columns)))
    return f"({', '.join(columns)}) IN (SELECT {parts} FROM json_each({keys}))"


@compiles(keyed, "postgresql")
def _keyed_in_postgresql(element: keyed, compiler: SQLCompiler, **options: Any) -> str:
    bind, *clauses = element.clauses
    keys, *columns = (compiler.process(x, **options) for x in (bind, *clauses))
    types = (name_of(x.type, compiler.dialect) for x in clauses)
    parts = ", ".join(f"CAST(value ->> {i} AS {kind})" for i, kind in enumerate(types))
    return f"({', '.join(columns)}) IN (SELECT {parts} FROM json_array_elements(CAST({keys} AS JSON)))"


class members(FunctionElement[str]):
    """The texts in a parameter, which is the text of a JSON list, as a table with the column `value`."""

    type = Text()
    inherit_cache = True


@compiles(members, "sqlite")
def _members_in_sqlite(element: members, compiler: SQLCompiler, **options: Any) -> str:
    (texts,) = (compiler.process(x, **options) for x in element.clauses)
    return f"json_each({texts})"


@compiles(members, "postgresql")
def _members_in_postgresql(element: members, compiler: SQLCompiler, **options: Any) -> str:
    (texts,) = (compiler.process(x, **options) for x in element.clauses)
    return f"json_array_elements_text(CAST({texts} AS JSON))"
