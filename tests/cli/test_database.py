"""`interlock database` and the start of a server, on both databases: real processes, their output and exit codes."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from interlock.storage.migrations import known_revisions
from tests.cli.test_cli import TIMEOUT, assert_one_clear_line, interlock
from tests.databases import Databases

NEWEST = known_revisions()[-1]
SOMETHING = "INSERT INTO configuration (key, value) VALUES ('x', '1')"
COUNT = "SELECT count(*) FROM configuration"


@pytest.fixture
def empty_url(databases: Databases) -> Iterator[str]:
    """The URL of a database without any schema; in SQLite there is no file yet."""
    url = databases.create_empty()
    yield url
    databases.drop(url)


def database(command: str, url: str, *arguments: str) -> str:
    """What a command prints that succeeds. It prints no password."""
    result = interlock("database", command, *arguments, "--database-url", url)
    assert result.returncode == 0, result.stderr
    assert (urlsplit(url).password or "no password") not in result.stdout
    return result.stdout


def test_the_commands_go_up_down_and_around(empty_url: str, databases: Databases) -> None:
    """upgrade makes the tables, info describes them, reset empties them, downgrade takes the schema back."""
    assert NEWEST in database("upgrade", empty_url)
    databases.rows(empty_url, SOMETHING)
    lines = {line.split()[0]: line.split()[1:] for line in database("info", empty_url).splitlines()}
    assert lines["schema"][0] == NEWEST
    assert int(lines["size"][0].replace(",", "")) > 0
    assert lines["task_runs"] == ["0"]
    assert "is empty" in database("reset", empty_url, "--yes")
    assert databases.rows(empty_url, COUNT) == [(0,)]
    assert "None" in database("downgrade", empty_url, "base", "--yes")
    assert "none" in database("info", empty_url)


def test_who_does_not_say_yes_loses_nothing(database_url: str, databases: Databases) -> None:
    """reset and downgrade ask first."""
    databases.rows(database_url, SOMETHING)
    for command in ("reset", "downgrade"):
        assert interlock("database", command, "--database-url", database_url).returncode == 1
    assert databases.rows(database_url, COUNT) == [(1,)]


def test_an_unknown_schema_is_one_clear_line(database_url: str, databases: Databases) -> None:
    """It is named, and nothing is changed."""
    assert_one_clear_line(interlock("database", "upgrade", "7777", "--database-url", database_url), "7777")
    assert databases.rows(database_url, "SELECT version_num FROM interlock_version") == [(NEWEST,)]


def test_a_database_of_a_newer_program_is_one_clear_line(database_url: str, databases: Databases) -> None:
    """The server refuses to start on it, and so does a command that would change it."""
    databases.rows(database_url, "UPDATE interlock_version SET version_num = '9999'")
    for command in (("server", "start", "--port", "0"), ("database", "reset", "--yes")):
        assert_one_clear_line(interlock(*command, "--database-url", database_url), "9999")


@pytest.mark.parametrize("wrong", ["server", "database", "password"])
def test_a_postgresql_that_is_not_there_is_one_clear_line(wrong: str, postgres_url: str) -> None:
    """Without a traceback, and without the password."""
    parts = urlsplit(postgres_url)
    changed = {
        "server": parts._replace(netloc="me:s3cret@127.0.0.1:1"),
        "database": parts._replace(path="/no_such_database"),
        "password": parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":s3cret@")),
    }[wrong]
    result = interlock("server", "start", "--port", "0", "--database-url", changed.geturl())
    assert_one_clear_line(result)
    assert str(changed.password) not in result.stderr


def test_the_server_says_where_it_is_and_stops_cleanly(empty_url: str) -> None:
    """The banner has the lines to paste; a signal ends it with 0, and what was written is there at the next start."""
    command = [sys.executable, "-m", "interlock", "server", "start", "--port", "0", "--database-url", empty_url]
    for stop, expected in ((signal.SIGTERM, 201), (signal.SIGINT, 200)):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            banner = ""
            while "PREFECT_API_URL" not in banner:
                banner += process.stdout.readline()
            address = banner.split("export PREFECT_API_URL=")[1].strip()
            assert f"{address}/docs" in banner
            assert (urlsplit(empty_url).password or "no password") not in banner
            assert httpx.post(f"{address}/flows/", json={"name": "kept"}).status_code == expected
            process.send_signal(stop)
            assert process.wait(TIMEOUT) == 0
