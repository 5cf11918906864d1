"""Statements compiled once, for the few that every transition runs.

What lives here: a statement's text and conversions, worked out at its first use on each kind of database and handed to
the driver from then on. What does not: the statements (ledger.py). SQLAlchemy's own execution costs some 80 µs a
statement, most of the CPU of a lone transition; this costs about 5.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Table
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import Executable, Select
from sqlalchemy.types import TypeEngine
from sqlalchemy.util import await_

from interlock.storage.types import name_of

Processor = Callable[[Any], Any]
Rows = Sequence[dict[str, Any]]

FLOAT8 = 701
"""PostgreSQL's number for the type that it keeps floats in: what converts a number asks how it arrives."""


ONLY_READS = "interlock_only_reads"


@contextmanager
def only_reading(conn: Connection) -> Iterator[None]:
    """Have queries that lock what they read just read it, as in a transaction that may not write."""
    conn.execution_options(**{ONLY_READS: True})
    try:
        yield
    finally:
        conn.execution_options(**{ONLY_READS: False})


def must_lock(conn: Connection) -> bool:
    """Whether others may write at the same time, and what is read is to stay as it is."""
    return conn.dialect.name == "postgresql" and not conn.get_execution_options().get(ONLY_READS)


class Prepared:
    """A query with named parameters. `lock` is what `with_for_update` takes, where it locks the rows that it reads."""

    def __init__(self, statement: Executable, *, lock: dict[str, Any] | None = None) -> None:
        self._statement = statement
        self._lock = lock
        self._compiled: dict[tuple[str, bool], _CompiledQuery] = {}

    def fetch(self, conn: Connection, parameters: dict[str, Any]) -> list[list[Any]]:
        """All rows, each a list of the selected columns' values."""
        key = conn.dialect.name, self._lock is not None and must_lock(conn)
        query = self._compiled.get(key)
        if query is None:
            query = self._compiled[key] = _compile(self._for(locks=key[1]), conn.dialect)
        found = [list(row) for row in _fetch(conn, query.text, query.bound(parameters))]
        for position, convert in query.conversions:
            for row in found:
                row[position] = convert(row[position])
        return found

    def _for(self, *, locks: bool) -> Executable:
        if not locks:
            return self._statement
        assert isinstance(self._statement, Select)
        return self._statement.with_for_update(**self._lock or {})


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


class _Bulk:
    """A change of many rows: one statement for any number of them, with one array a column in PostgreSQL."""

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        self._table = table
        self.columns: list[Column[Any]] = [table.c[x] for x in columns]
        self._binders: dict[str, list[tuple[str, Processor | None]]] = {}

    def write(self, conn: Connection, rows: Rows) -> None:
        """Carry it out for the rows, each a mapping with a value for every column."""
        writes = Writes(conn)
        writes.add(self, rows)
        writes.send()

    def bound(self, dialect: Dialect, rows: Rows) -> list[list[Any]]:
        """The rows' values as the driver takes them, in the order of the statement's parameters."""
        binders = self._binders.get(dialect.name)
        if binders is None:
            binders = self._binders[dialect.name] = [(x.name, _binder(x.type, dialect)) for x in self.columns]
        return [[row[name] if convert is None else convert(row[name]) for name, convert in binders] for row in rows]

    def text(self, dialect: Dialect, first: int, condition: str = "") -> str:
        """The statement, its first parameter being number `first` where they are numbered. In PostgreSQL it does
        nothing unless the condition is met."""
        raise NotImplementedError

    def _quoted(self, dialect: Dialect) -> tuple[str, list[str]]:
        """The names of the table and the columns as SQL."""
        quote = dialect.identifier_preparer.quote
        return quote(self._table.name), [quote(x.name) for x in self.columns]

    def _unnested(self, dialect: Dialect, first: int) -> str:
        """The rows as a table, out of one array a column."""
        arrays = (f"${i}::{name_of(x.type, dialect)}[]" for i, x in enumerate(self.columns, first))
        return f"unnest({', '.join(arrays)})"


class BulkInsert(_Bulk):
    """Rows into a table: `columns` are those that are given."""

    def text(self, dialect: Dialect, first: int, condition: str = "") -> str:
        table, names = self._quoted(dialect)
        if dialect.name == "postgresql":
            given = f"SELECT * FROM {self._unnested(dialect, first)}{condition and f' WHERE {condition}'}"
            return f"INSERT INTO {table} ({', '.join(names)}) {given}"
        return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' for _ in names)})"


class BulkKeep(BulkInsert):
    """The same, unless there is a row with the same key: that stays as it is."""

    def text(self, dialect: Dialect, first: int, condition: str = "") -> str:
        return f"{super().text(dialect, first, condition)} ON CONFLICT DO NOTHING"


class BulkUpsert(BulkInsert):
    """The same, in the place of a row that has the same primary key."""

    def text(self, dialect: Dialect, first: int, condition: str = "") -> str:
        _, names = self._quoted(dialect)
        keys = ", ".join(x.name for x in self._table.primary_key)
        changes = ", ".join(f"{x} = excluded.{x}" for x in names)
        return f"{super().text(dialect, first, condition)} ON CONFLICT ({keys}) DO UPDATE SET {changes}"


class BulkAdd(BulkInsert):
    """The same, where the numbers of a row that has the same primary key are added to."""

    def text(self, dialect: Dialect, first: int, condition: str = "") -> str:
        table, names = self._quoted(dialect)
        keys = [x.name for x in self._table.primary_key]
        sums = ", ".join(f"{x} = {table}.{x} + excluded.{x}" for x in names if x not in keys)
        given = super().text(dialect, first, condition)
        return f"{given} ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {sums}"


class BulkUpdate(_Bulk):
    """New values for rows of a table by their `key`: `columns` are those that may change."""

    def __init__(self, table: Table, columns: Sequence[str], *, key: str = "id") -> None:
        super().__init__(table, (*columns, key))

    def text(self, dialect: Dialect, first: int, condition: str = "") -> str:
        table, (*names, key) = self._quoted(dialect)
        if dialect.name == "postgresql":
            changes = ", ".join(f"{x} = new.{x}" for x in names)
            given = f"{self._unnested(dialect, first)} AS new ({', '.join((*names, key))})"
            return f"UPDATE {table} SET {changes} FROM {given} WHERE {table}.{key} = new.{key}{_and(condition)}"
        return f"UPDATE {table} SET {', '.join(f'{x} = ?' for x in names)} WHERE {key} = ?"


class BulkDelete(_Bulk):
    """Rows out of a table, by the `columns` that tell which."""

    def text(self, dialect: Dialect, first: int, condition: str = "") -> str:
        table, names = self._quoted(dialect)
        if dialect.name == "postgresql":
            given = f"{self._unnested(dialect, first)} AS old ({', '.join(names)})"
            same = " AND ".join(f"{table}.{x} = old.{x}" for x in names)
            return f"DELETE FROM {table} USING {given} WHERE {same}{_and(condition)}"
        return f"DELETE FROM {table} WHERE {' AND '.join(f'{x} = ?' for x in names)}"


class Guard(_Bulk):
    """Whether rows of a table are still as they were read: `columns` are those that tell. PostgreSQL only. One that
    `locks` keeps them so, in the order of their ids, until the changes after it are made."""

    def __init__(self, table: Table, columns: Sequence[str], *, locks: bool) -> None:
        super().__init__(table, ("id", *columns))
        self._locks = locks

    def text(self, dialect: Dialect, first: int, condition: str = "") -> str:
        table, names = self._quoted(dialect)
        seen = f"{self._unnested(dialect, first)} AS seen ({', '.join(names)})"
        same = " AND ".join(f"{table}.{x} IS NOT DISTINCT FROM seen.{x}" for x in names[1:])
        lock = f" ORDER BY {table}.id FOR NO KEY UPDATE OF {table}" if self._locks else ""
        kept = f"SELECT FROM {seen} JOIN {table} ON {table}.id = seen.id AND {same}{lock}"
        return f"SELECT count(*) = cardinality(${first}) AS holds FROM ({kept}) AS kept"


class Absence(_Bulk):
    """Whether a table has no rows with these values in the `columns`. PostgreSQL only."""

    def text(self, dialect: Dialect, first: int, condition: str = "") -> str:
        table, names = self._quoted(dialect)
        wanted = f"{self._unnested(dialect, first)} AS wanted ({', '.join(names)})"
        same = " AND ".join(f"{table}.{x} = wanted.{x}" for x in names)
        return f"SELECT NOT EXISTS (SELECT FROM {wanted} JOIN {table} ON {same}) AS holds"


class Writes:
    """Changes that are gathered and then carried out together: in PostgreSQL by one statement, since each trip to the
    database costs about as much as what it does there. So no two of them may concern the same row.
    """

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._gathered: list[tuple[_Bulk, Rows]] = []

    def add(self, change: _Bulk, rows: Rows) -> None:
        """Gather a change, if it concerns any rows at all."""
        if rows:
            self._gathered.append((change, rows))

    def send(self) -> None:
        """Carry out what is gathered, in the order in which it was added where the database goes by one."""
        dialect = self._conn.dialect
        if dialect.name != "postgresql":
            driver: Any = self._conn.connection.driver_connection
            for change, rows in self._gathered:
                driver.executemany(change.text(dialect, 1), change.bound(dialect, rows))
        elif self._gathered:
            self._fetch(_together(tuple(change for change, _ in self._gathered), dialect), self._gathered)
        self._gathered.clear()

    def send_if(self, seen: Sequence[tuple[Guard | Absence, Rows]]) -> bool:
        """Carry out what is gathered if all is still as it was seen, and tell whether it was. One statement, which
        needs no transaction around it. PostgreSQL only."""
        changes = tuple(change for change, _ in self._gathered)
        text = _guarded(tuple(guard for guard, _ in seen), changes, self._conn.dialect)
        found = self._fetch(text, (*seen, *self._gathered))
        self._gathered.clear()
        return bool(found[0][0])

    def _fetch(self, text: str, parts: Sequence[tuple[_Bulk, Rows]]) -> Sequence[Any]:
        """What the statement returns, which takes one array for each column of its parts."""
        columns = (zip(*part.bound(self._conn.dialect, rows), strict=True) for part, rows in parts)
        return _fetch(self._conn, text, list(map(list, chain.from_iterable(columns))))


@cache
def _guarded(guards: tuple[Guard | Absence, ...], changes: tuple[_Bulk, ...], dialect: Dialect) -> str:
    """The changes, which all hang on the guards, as one statement that tells whether these held."""
    texts = []
    first = 1
    for i, guard in enumerate(guards):
        texts.append(f"guard_{i} AS ({guard.text(dialect, first)})")
        first += len(guard.columns)
    all_hold = " AND ".join(f"(SELECT holds FROM guard_{i})" for i in range(len(guards)))
    texts.append(f"guard AS (SELECT {all_hold} AS holds)")
    for i, change in enumerate(changes):
        texts.append(f"change_{i} AS ({change.text(dialect, first, '(SELECT holds FROM guard)')})")
        first += len(change.columns)
    return f"WITH {', '.join(texts)} SELECT holds FROM guard"


def _and(condition: str) -> str:
    return condition and f" AND {condition}"


@cache
def _together(changes: tuple[_Bulk, ...], dialect: Dialect) -> str:
    """The changes as one statement, all but the last in front of it."""
    texts = []
    first = 1
    for change in changes:
        texts.append(change.text(dialect, first))
        first += len(change.columns)
    *others, last = texts
    return f"WITH {', '.join(f'change_{i} AS ({x})' for i, x in enumerate(others))} {last}" if others else last


def _fetch(conn: Connection, text: str, values: list[Any]) -> Sequence[Any]:
    driver: Any = conn.connection.driver_connection
    if conn.dialect.name == "postgresql":
        found: Sequence[Any] = await_(driver.fetch(text, *values))
        return found
    return driver.execute(text, values).fetchall()  # type: ignore[no-any-return]
