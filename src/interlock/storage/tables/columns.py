"""What tables are made of: their names' conventions, and columns and indexes that several have."""

from typing import Any

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, MetaData

from interlock.storage.types import Id, UtcTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s__%(column_0_N_name)s",
        "uq": "uq_%(table_name)s__%(column_0_N_name)s",
        "fk": "fk_%(table_name)s__%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def sums() -> tuple[Column[Any], ...]:
    """What is added up of runs."""
    return (
        Column("runs", BigInteger, nullable=False),
        Column("run_time", Float, nullable=False),
        Column("lateness", Float, nullable=False),
    )


def identity() -> list[Column[object]]:
    """The three columns that every record has."""
    return [
        Column("id", Id, primary_key=True),
        Column("created", UtcTime, nullable=False),
        Column("updated", UtcTime, nullable=False),
    ]


def owned_by(column: str, target: str, **options: object) -> Column[object]:
    """A reference whose row goes when its owner goes."""
    return Column(column, Id, ForeignKey(target, ondelete="CASCADE"), **options)  # type: ignore[arg-type]


def in_order(table: str, column: str) -> Index:
    """What pages sorted by the column are read from, in either direction: NULLs first, as SQLite has them by itself."""
    return Index(f"ix_{table}__{column}", column, "id", postgresql_ops={column: "NULLS FIRST"})


# Counts by state, and all that the history adds up: with these in one index it reads no rows.
STATE_AND_TIMES = (
    "state_type",
    "state_name",
    "expected_start_time",
    "start_time",
    "total_run_time",
    "state_timestamp",
)
