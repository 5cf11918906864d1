"""The database as a whole: how large it is, how much it holds, and what the planner knows of that."""

from typing import Literal

from sqlalchemy import Connection, func, select, text

from interlock.storage.tables import flow_runs, flows, logs, task_run_states, task_runs

DatabaseKind = Literal["sqlite", "postgresql"]

_SIZE = {
    "sqlite": text("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"),
    "postgresql": text("SELECT pg_database_size(current_database())"),
}


def size(conn: Connection) -> int:
    """In bytes, without what SQLite's log holds that is still to be moved."""
    return int(conn.execute(_SIZE[conn.dialect.name]).scalar_one())


def kind_and_size(conn: Connection) -> tuple[DatabaseKind, int]:
    """Which database it is, and its size as `size` has it."""
    return "sqlite" if conn.dialect.name == "sqlite" else "postgresql", size(conn)


def counts(conn: Connection) -> dict[str, int]:
    """How many rows the tables have that grow, by name."""
    tables = (flows, flow_runs, task_runs, task_run_states, logs)
    return {x.name: conn.execute(select(func.count()).select_from(x)).scalar_one() for x in tables}


def gather_statistics(conn: Connection) -> None:
    """Tell PostgreSQL's planner at once of many new rows, as it would find out by itself after a while."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("ANALYZE"))
