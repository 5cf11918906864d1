"""The command line, as a user meets it: real processes, their output and exit codes."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from interlock import __version__

TIMEOUT = 60


def interlock(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "interlock", *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
        env=os.environ | environment,
    )


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'deep' / 'ledger.db'}"


def assert_one_clear_line(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode != 0
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("interlock: ")
    for word in words:
        assert word in lines[0]


@pytest.mark.parametrize("arguments", [["--help"], ["server", "start", "-h"], ["database", "--help"]])
def test_help_is_there_at_every_level(arguments: list[str]) -> None:
    """Help exits with 0 and says how to use the command."""
    result = interlock(*arguments)
    assert result.returncode == 0
    assert "Usage:" in result.stdout


def test_version_names_the_program_and_what_it_stands_on() -> None:
    """One line each."""
    result = interlock("version")
    assert result.stdout.splitlines()[0] == f"interlock {__version__}"
    assert "sqlite" in result.stdout


def test_settings_show_value_source_and_meaning() -> None:
    """A value from the environment is told from a default, and a password is not shown."""
    result = interlock("settings", INTERLOCK_PORT="4999", INTERLOCK_AUTH_STRING="s3cret")
    assert "port = 4999  [INTERLOCK_PORT]" in result.stdout
    assert "host = 127.0.0.1  [default]" in result.stdout
    assert "s3cret" not in result.stdout


def test_a_bad_setting_is_one_clear_line() -> None:
    """The line names the variable or the option that is wrong."""
    assert_one_clear_line(interlock("settings", INTERLOCK_PORT="many"), "INTERLOCK_PORT")
    assert_one_clear_line(interlock("server", "start", "--database-url", "mysql://x"), "--database-url", "sqlite:///")
    assert_one_clear_line(interlock("server", "start", "--database-url", "sqlite:///:memory:"), "name a file")


def test_a_port_in_use_is_one_clear_line(url: str) -> None:
    """It says which port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = interlock("server", "start", "--port", str(port), "--database-url", url)
    assert_one_clear_line(result, str(port), "in use")


def test_a_file_that_is_no_database_is_one_clear_line(tmp_path: Path) -> None:
    """Not a traceback."""
    (tmp_path / "notes.txt").write_text("these are my notes, not a database, and they are longer than a header" * 20)
    result = interlock("server", "start", "--port", "0", "--database-url", f"sqlite:///{tmp_path / 'notes.txt'}")
    assert_one_clear_line(result, "not a database")


def test_info_about_no_database_is_one_clear_line(url: str) -> None:
    """Looking does not make a file."""
    assert_one_clear_line(interlock("database", "info", "--database-url", url), "no database")
    assert not Path(url.removeprefix("sqlite:///")).exists()
