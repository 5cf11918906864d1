"""How invariants are looked at: many in one pass over the rows they are about.

What lives here: the records, and the two queries of a pass. What does not: the invariants (runs.py, records.py).
"""

import msgspec
from sqlalchemy import ColumnElement, Connection, FromClause, func, select

MAX_EXAMPLES = 10


class Violation(msgspec.Struct, frozen=True):
    """An invariant that does not hold: its name, what is wrong as a sentence about the rows, how many rows it is wrong
    for, and the ids of up to MAX_EXAMPLES of them."""

    name: str
    sentence: str
    count: int
    examples: tuple[str, ...]


class Invariant(msgspec.Struct, frozen=True):
    """What must hold for every row of a scan. `broken` is the condition of the rows for which it does not."""

    name: str
    sentence: str
    broken: ColumnElement[bool]


class Scan(msgspec.Struct, frozen=True):
    """The invariants that one pass over `rows` can tell; `example` is the column that names a row."""

    rows: FromClause
    example: ColumnElement[str]
    invariants: tuple[Invariant, ...]

    def violations(self, conn: Connection) -> list[Violation]:
        """Those of its invariants that do not hold. One pass, and another for each that is broken."""
        counts = select(*(func.count().filter(x.broken) for x in self.invariants)).select_from(self.rows)
        counted = conn.execute(counts).one()
        return [
            Violation(x.name, x.sentence, count, self._examples(conn, x))
            for x, count in zip(self.invariants, counted, strict=True)
            if count
        ]

    def _examples(self, conn: Connection, invariant: Invariant) -> tuple[str, ...]:
        found = select(self.example).select_from(self.rows).where(invariant.broken).limit(MAX_EXAMPLES)
        return tuple(map(str, conn.execute(found).scalars()))
