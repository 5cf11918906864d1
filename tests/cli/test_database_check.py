"""`interlock database check`, as an operator meets it: its lines and its exit codes."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from interlock.settings import Settings
from tests.api.records import new_flow_run, new_task_run, set_state
from tests.cli.test_cli import assert_one_clear_line, interlock
from tests.conftest import LiveServer
from tests.databases import Databases


@contextmanager
def served(url: str) -> Iterator[httpx.Client]:
    """A server on the database, for as long as the context lasts."""
    with LiveServer(Settings(database_url=url)) as server, server.client() as api:
        yield api


@pytest.fixture
def ledger_url(database_url: str) -> str:
    """A database with a flow run and twelve task runs, whose server has stopped."""
    with served(database_url) as api:
        flow_run = new_flow_run(api)
        for _ in range(12):
            task_run = new_task_run(api, flow_run["id"])
        set_state(api, f"/task_runs/{task_run['id']}", "COMPLETED")
    return database_url


def test_a_ledger_in_order_is_ok(ledger_url: str) -> None:
    """The line says how much was looked at."""
    result = interlock("database", "check", "--database-url", ledger_url)
    expected = "OK: 1 flows, 1 flow runs, 12 task runs, 13 task run states, 0 logs checked\n"
    assert (result.returncode, result.stdout, result.stderr) == (0, expected, "")


def test_a_live_ledger_is_checked_beside_its_server(database_url: str) -> None:
    """The server goes on."""
    with served(database_url) as api:
        new_flow_run(api)
        result = interlock("database", "check", INTERLOCK_DATABASE_URL=database_url)
        new_flow_run(api)
    assert result.returncode == 0
    assert result.stdout.startswith("OK: 1 flows, 1 flow runs, 0 task runs")


def test_each_violation_is_a_line(ledger_url: str, databases: Databases) -> None:
    """With its name, how often there is one, what is wrong, and up to ten examples; and nothing is mended."""
    (flow_run,) = databases.rows(ledger_url, "SELECT CAST(id AS TEXT) FROM flow_runs")
    task_runs = databases.rows(ledger_url, "SELECT CAST(id AS TEXT) FROM task_runs")
    databases.rows(ledger_url, "UPDATE task_runs SET run_count = 7")
    databases.rows(ledger_url, "UPDATE flow_runs SET expected_start_time = NULL")
    for _ in range(2):
        result = interlock("database", "check", "--database-url", ledger_url)
        assert result.returncode == 1
        counted, unexpected = result.stdout.splitlines()
        assert unexpected == f"flow-run-expected-start: 1: they have a state, and no expected start time: {flow_run[0]}"
        assert counted.startswith("task-run-run-count: 12: they count other attempts than their states tell of: ")
        *examples, dots = counted.rpartition(": ")[2].split(", ")
        assert dots == "..."
        assert len(set(examples)) == 10
        assert {(x,) for x in examples} < set(task_runs)


def test_an_older_schema_is_not_brought_up_to_date(database_url: str) -> None:
    """The line says how to."""
    assert interlock("database", "downgrade", "--yes", "--database-url", database_url).returncode == 0
    before = interlock("database", "info", "--database-url", database_url).stdout
    assert_one_clear_line(interlock("database", "check", "--database-url", database_url), "interlock database upgrade")
    assert interlock("database", "info", "--database-url", database_url).stdout == before


def test_no_ledger_is_one_clear_line(tmp_path: Path) -> None:
    """Neither a file that is not there, which is not made, nor an empty database."""
    path = tmp_path / "ledger.db"
    arguments = ("database", "check", "--database-url", f"sqlite:///{path}")
    assert_one_clear_line(interlock(*arguments), "no database", str(path))
    assert not path.exists()
    with sqlite3.connect(path) as conn:
        conn.execute("CREATE TABLE other (id INTEGER)")
    conn.close()
    assert_one_clear_line(interlock(*arguments), "interlock database upgrade")


def test_a_database_that_is_not_there_is_one_clear_line() -> None:
    """Not a traceback."""
    nobody = "postgresql://nobody:nothing@127.0.0.1:1/nowhere"
    assert_one_clear_line(interlock("database", "check", "--database-url", nobody))


def test_help_says_what_it_is_for() -> None:
    """And that it changes nothing."""
    result = interlock("database", "check", "--help")
    assert result.returncode == 0
    assert "consistent" in result.stdout
    assert "Changes nothing" in result.stdout
