"""Statements compiled once, for the few that every transition runs.

What lives here: a statement's text and conversions, worked out at its first use and handed to the driver from then on.
What does not: the statements (ledger.py). SQLAlchemy's own execution costs some 80 µs a statement, most of the CPU of a
lone transition; this costs about 5.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import Executable

Processor = Callable[[Any], Any]


class Prepared:
    """A statement with named parameters; `columns` are those that an insert or update sets."""

    def __init__(self, statement: Executable, columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = columns
        self._text: str | None = None
        self._parameters: list[tuple[str, Processor | None]] = []
        self._constants: dict[str, Any] = {}
        self._conversions: list[tuple[int, Processor]] = []

    def fetch(self, conn: Connection, parameters: dict[str, Any]) -> list[list[Any]]:
        """All rows, each a list of the selected columns' values."""
        rows = [list(row) for row in self._run(conn, "execute", self._bound(conn, parameters)).fetchall()]
        for position, convert in self._conversions:
            for row in rows:
                row[position] = convert(row[position])
        return rows

    def write(self, conn: Connection, parameters: list[dict[str, Any]]) -> None:
        """Run once for each set of parameters."""
        if parameters:
            self._run(conn, "executemany", [self._bound(conn, x) for x in parameters])

    def _run(self, conn: Connection, method: str, parameters: Any) -> Any:
        return getattr(conn.connection.driver_connection, method)(self._text, parameters)

    def _bound(self, conn: Connection, parameters: dict[str, Any]) -> list[Any]:
        if self._text is None:
            self._compile(conn.dialect)
        values = {**self._constants, **parameters} if self._constants else parameters
        return [values[name] if convert is None else convert(values[name]) for name, convert in self._parameters]

    def _compile(self, dialect: Dialect) -> None:
        compiled = self._statement.compile(dialect=dialect, column_keys=self._columns)  # type: ignore[attr-defined]
        assert isinstance(compiled, SQLCompiler)
        binds = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in compiled.binds.items()}
        self._constants = {name: bind.value for name, bind in compiled.binds.items() if bind.value is not None}
        self._parameters = [(name, binds[name]) for name in compiled.positiontup or ()]
        results = [x.type.dialect_impl(dialect).result_processor(dialect, None) for x in self._selected()]
        self._conversions = [(i, convert) for i, convert in enumerate(results) if convert is not None]
        self._text = compiled.string

    def _selected(self) -> Sequence[Any]:
        return getattr(self._statement, "selected_columns", None) or ()
