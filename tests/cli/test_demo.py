"""`interlock demo`, as someone meets it who tries the server."""

from pathlib import Path

from interlock.settings import Settings
from tests.cli.test_cli import assert_one_clear_line, interlock
from tests.conftest import LiveServer


def test_a_demo_is_made_and_served(tmp_path: Path) -> None:
    """Its database is made; the line says what was done, and a server finds the runs."""
    url = f"sqlite:///{tmp_path / 'deep' / 'ledger.db'}"
    result = interlock("demo", "--runs", "1200", "--span", "year", "--database-url", url)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("ledger.db has 1,200 more task runs\n")
    with LiveServer(Settings(database_url=url)) as server, server.client() as api:
        assert api.post("/task_runs/count", json={}).json() == 1200


def test_runs_that_are_there_are_left_alone_unless_told_otherwise(database_url: str) -> None:
    """One clear line; with --add the demo goes beside them."""
    arguments = ("demo", "--runs", "20", "--database-url", database_url)
    assert interlock(*arguments).returncode == 0
    assert_one_clear_line(interlock(*arguments), "holds 20 task runs", "--add")
    assert interlock(*arguments, "--add").returncode == 0
    checked = interlock("database", "check", "--database-url", database_url)
    assert checked.stdout.startswith("OK: 10 flows, 40 flow runs, 40 task runs")


def test_a_demo_without_a_run_is_refused(database_url: str) -> None:
    """Before anything is done."""
    result = interlock("demo", "--runs", "0", "--database-url", database_url)
    assert result.returncode == 2
    assert "--runs" in result.stderr


def test_help_says_what_it_does_to_a_database_in_use() -> None:
    """And what it makes."""
    result = interlock("demo", "--help")
    assert result.returncode == 0
    assert "left alone" in result.stdout
    assert "--add" in result.stdout
