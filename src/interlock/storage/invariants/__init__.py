"""What must hold of a ledger whatever happened to its servers: crashes, races, disks that were full.

What lives here: `report` and `violations`, which only read. What does not: the invariants about runs (runs.py), about
other records (records.py), about events (events.py) and about the sums over all runs (sums.py), and how they are looked
at (scan.py). What the rules decide at the moment of a transition, and what leaves no trace afterwards, can't be told
from a ledger: the tests of the rules see to that.

Give them a connection in a transaction that shows one moment of the database. Each pass reads a table or two to the end
and keeps nothing but counts.
"""

import msgspec
from sqlalchemy import Connection

from interlock.storage.invariants import events, records, runs, sums
from interlock.storage.invariants.scan import MAX_EXAMPLES, Violation
from interlock.storage.queries import database

__all__ = ["Report", "Violation", "report", "violations"]


class Report(msgspec.Struct, frozen=True):
    """How many rows the tables have that grow, by name, and what is wrong."""

    counts: dict[str, int]
    violations: list[Violation]


def report(conn: Connection) -> Report:
    """What was looked at, and what is wrong with it."""
    return Report(database.counts(conn), violations(conn))


def violations(conn: Connection) -> list[Violation]:
    """Everything that is wrong with a ledger; nothing, where it is as it must be.

    Where the file of a SQLite database itself is damaged, that is all that is told: the rest can't be trusted.
    """
    damage = _damage(conn) if conn.dialect.name == "sqlite" else []
    scans = (*runs.scans(), *records.scans(), *events.scans(), *sums.scans())
    return damage or [x for scan in scans for x in scan.violations(conn)]


def _damage(conn: Connection) -> list[Violation]:
    found = [str(x) for x in conn.exec_driver_sql(f"PRAGMA integrity_check({MAX_EXAMPLES})").scalars()]
    if found == ["ok"]:
        return []
    return [
        Violation("file-damaged", "the file's pages, indexes or values do not fit together", len(found), tuple(found))
    ]
