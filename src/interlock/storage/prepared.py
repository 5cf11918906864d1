"""Statements compiled once, for the few that every transition runs.

What lives here: a statement's text and conversions, worked out at its first use on each kind of database and handed to
the driver from then on. What does not: the statements (ledger.py). SQLAlchemy's own execution costs some 80 µs a
statement, most of the CPU of a lone transition; this costs about 5.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Table
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import Executable
from sqlalchemy.types import TypeEngine
from sqlalchemy.util import await_

from interlock.storage.types import name_of

Processor = Callable[[Any], Any]
Rows = Sequence[dict[str, Any]]

FLOAT8 = 701
"""PostgreSQL's number for the type that it keeps floats in: what converts a number asks how it arrives."""


class Prepared:
    """A query with named parameters."""

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._compiled: dict[str, _CompiledQuery] = {}

    def fetch(self, conn: Connection, parameters: dict[str, Any]) -> list[list[Any]]:
        """All rows, each a list of the selected columns' values."""
        query = self._compiled.get(conn.dialect.name)
        if query is None:
            query = self._compiled[conn.dialect.name] = _compile(self._statement, conn.dialect)
        found = [list(row) for row in _fetch(conn, query.text, query.bound(parameters))]
        for position, convert in query.conversions:
            for row in found:
                row[position] = convert(row[position])
        return found


class _CompiledQuery(msgspec.Struct, frozen=True):
    text: str
    parameters: list[tuple[str, Processor | None]]
    constants: dict[str, Any]
    conversions: list[tuple[int, Processor]]

    def bound(self, parameters: dict[str, Any]) -> list[Any]:
        values = {**self.constants, **parameters} if self.constants else parameters
        return [values[name] if convert is None else convert(values[name]) for name, convert in self.parameters]


def _compile(statement: Executable, dialect: Dialect) -> _CompiledQuery:
    compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
    assert isinstance(compiled, SQLCompiler)
    binds = {name: _binder(bind.type, dialect) for name, bind in compiled.binds.items()}
    results = [x.type.dialect_impl(dialect).result_processor(dialect, FLOAT8) for x in _selected(statement)]
    return _CompiledQuery(
        text=compiled.string,
        parameters=[(name, binds[name]) for name in compiled.positiontup or ()],
        constants={name: bind.value for name, bind in compiled.binds.items() if bind.value is not None},
        conversions=[(i, convert) for i, convert in enumerate(results) if convert is not None],
    )


def _selected(statement: Any) -> Sequence[Any]:
    return getattr(statement, "selected_columns", None) or ()


def _binder(kind: TypeEngine[Any], dialect: Dialect) -> Processor | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


class BulkInsert:
    """Rows into a table: `columns` are those that are given."""

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        self._rows = _Bulk(table, columns)

    def write(self, conn: Connection, rows: Rows) -> None:
        """Insert the rows, each a value for every column."""
        self._rows.write(conn, rows, self._text)

    def _text(self, dialect: Dialect) -> str:
        table, names = self._rows.quoted(dialect)
        if dialect.name == "postgresql":
            return f"INSERT INTO {table} ({', '.join(names)}) SELECT * FROM {self._rows.unnested(dialect)}"
        return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' for _ in names)})"


class BulkUpdate:
    """New values for rows of a table by their `id`: `columns` are those that may change."""

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        self._rows = _Bulk(table, (*columns, "id"))

    def write(self, conn: Connection, rows: Rows) -> None:
        """Update the rows, each a value for every column and its `id`."""
        self._rows.write(conn, rows, self._text)

    def _text(self, dialect: Dialect) -> str:
        table, (*names, _) = self._rows.quoted(dialect)
        if dialect.name == "postgresql":
            changes = ", ".join(f"{x} = new.{x}" for x in names)
            given = f"{self._rows.unnested(dialect)} AS new ({', '.join((*names, 'id'))})"
            return f"UPDATE {table} SET {changes} FROM {given} WHERE {table}.id = new.id"
        return f"UPDATE {table} SET {', '.join(f'{x} = ?' for x in names)} WHERE id = ?"


class _CompiledBulk(msgspec.Struct, frozen=True):
    text: str
    parameters: list[tuple[str, Processor | None]]

    def bound(self, row: dict[str, Any]) -> list[Any]:
        return [row[name] if convert is None else convert(row[name]) for name, convert in self.parameters]


class _Bulk:
    """What inserts and updates of many rows share: one statement for any number of them."""

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        self._table = table
        self._columns: list[Column[Any]] = [table.c[x] for x in columns]
        self._compiled: dict[str, _CompiledBulk] = {}

    def write(self, conn: Connection, rows: Rows, text: Callable[[Dialect], str]) -> None:
        if not rows:
            return
        statement = self._compiled.get(conn.dialect.name)
        if statement is None:
            binders = [(x.name, _binder(x.type, conn.dialect)) for x in self._columns]
            statement = self._compiled[conn.dialect.name] = _CompiledBulk(text(conn.dialect), binders)
        _write(conn, statement.text, [statement.bound(row) for row in rows])

    def quoted(self, dialect: Dialect) -> tuple[str, list[str]]:
        """The names of the table and the columns as SQL."""
        quote = dialect.identifier_preparer.quote
        return quote(self._table.name), [quote(x.name) for x in self._columns]

    def unnested(self, dialect: Dialect) -> str:
        """The rows as a table, out of one array a column."""
        arrays = (f"${i}::{name_of(x.type, dialect)}[]" for i, x in enumerate(self._columns, 1))
        return f"unnest({', '.join(arrays)})"


def _fetch(conn: Connection, text: str, values: list[Any]) -> Sequence[Any]:
    driver: Any = conn.connection.driver_connection
    if conn.dialect.name == "postgresql":
        found: Sequence[Any] = await_(driver.fetch(text, *values))
        return found
    return driver.execute(text, values).fetchall()  # type: ignore[no-any-return]


def _write(conn: Connection, text: str, rows: list[list[Any]]) -> None:
    driver: Any = conn.connection.driver_connection
    if conn.dialect.name == "postgresql":
        await_(driver.fetch(text, *map(list, zip(*rows, strict=True))))
    else:
        driver.executemany(text, rows)
