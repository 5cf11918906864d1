"""How a database carries out the statements that a function sends to it.

What lives here: listening to the driver, EXPLAIN, and what its text says. What does not: which way is a good one.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, NamedTuple, ParamSpec

from sqlalchemy import Connection, event
from sqlalchemy.util import await_

P = ParamSpec("P")

EXPLAINED = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")
KEYS_OF_SQLITE = {
    "sqlite_autoindex_task_runs_1": "pk_task_runs",
    "sqlite_autoindex_task_runs_2": "uq_task_runs__flow_run_id_task_key_dynamic_key",
    "sqlite_autoindex_task_run_states_1": "pk_task_run_states",
    "sqlite_autoindex_flow_runs_1": "pk_flow_runs",
    "sqlite_autoindex_flow_runs_2": "uq_flow_runs__flow_id_idempotency_key",
    "sqlite_autoindex_flow_run_states_1": "pk_flow_run_states",
    "sqlite_autoindex_run_sums_1": "pk_run_sums",
    "sqlite_autoindex_run_counts_1": "pk_run_counts",
}
"""SQLite gives the indexes of keys names of its own."""


class Plan(NamedTuple):
    """What EXPLAIN says of a statement: the tables that are gone through from end to end, those of which an index is
    gone through from one of its ends on, the indexes that are used, and how often rows are sorted."""

    statement: str
    text: str
    scans: set[str]
    passes: set[str]
    indexes: set[str]
    sorts: int


def explained(
    function: Callable[Concatenate[Connection, P], object],
) -> Callable[Concatenate[Connection, P], list[Plan]]:
    """The function, except that it returns the plans of all statements that it sends."""

    @wraps(function)
    def explain(conn: Connection, *args: P.args, **kwargs: P.kwargs) -> list[Plan]:
        driver = conn.connection.driver_connection
        is_sqlite = isinstance(driver, sqlite3.Connection)
        with _heard_by_sqlite(conn) if is_sqlite else _heard_by_postgres(conn) as heard:
            function(conn, *args, **kwargs)
        plan = _plan_of_sqlite if is_sqlite else _plan_of_postgres
        return [plan(driver, *x) for x in heard if x[0].lstrip().startswith(EXPLAINED)]

    return explain


@contextmanager
def _heard_by_sqlite(conn: Connection) -> Iterator[list[tuple[str, tuple[Any, ...]]]]:
    heard: list[tuple[str, tuple[Any, ...]]] = []
    driver: Any = conn.connection.driver_connection
    driver.set_trace_callback(lambda statement: heard.append((statement, ())))
    yield heard
    driver.set_trace_callback(None)


def _plan_of_sqlite(driver: sqlite3.Connection, statement: str, _: tuple[Any, ...]) -> Plan:
    steps = "\n".join(row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}"))
    return Plan(
        statement,
        steps,
        # An index that holds all rows is gone through instead of the table where it has all that is asked for.
        # Where a table is there twice, one of them has a number behind its name.
        set(re.findall(r"^SCAN (\w+?)(?:_\d+)?(?!\w)(?!.* USING .*INDEX ix_)", steps, re.MULTILINE)),
        set(re.findall(r"^SCAN (\w+?)(?:_\d+)? USING .*INDEX", steps, re.MULTILINE)),
        {KEYS_OF_SQLITE.get(x, x) for x in re.findall(r"INDEX (\w+)", steps)}
        | {f"pk_{x}" for x in re.findall(r"SEARCH (\w+) USING PRIMARY KEY", steps)},
        steps.count("USE TEMP B-TREE FOR ORDER BY"),
    )


@contextmanager
def _heard_by_postgres(conn: Connection) -> Iterator[list[tuple[str, tuple[Any, ...]]]]:
    """The driver tells of what it is sent directly, and SQLAlchemy of what it prepares."""
    heard: list[tuple[str, tuple[Any, ...]]] = []

    def note(_conn: object, _cursor: object, statement: str, parameters: tuple[Any, ...], *_: object) -> None:
        heard.append((statement, parameters))

    event.listen(conn.engine, "before_cursor_execute", note)
    with conn.connection.driver_connection.query_logger(lambda x: heard.append((x.query, x.args))):  # type: ignore[union-attr]
        yield heard
    event.remove(conn.engine, "before_cursor_execute", note)


def _plan_of_postgres(driver: Any, statement: str, parameters: tuple[Any, ...]) -> Plan:
    found = await_(driver.fetch(f"EXPLAIN {statement}", *parameters))
    steps = "\n".join(row[0] for row in found)
    return Plan(
        statement,
        steps,
        set(re.findall(r"Seq Scan on (\w+)", steps)),
        set(re.findall(r"using \w+ on (\w+)[^\n]*(?!\n *Index Cond)(?:\n|$)", steps)),
        set(re.findall(r"(?:using|Index Scan on) (\w+)", steps)),
        len(re.findall(r"Sort  ", steps)),
    )
