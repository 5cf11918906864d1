"""The last lines of a test run: which databases it ran on, and what campaigns there were."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOBODY = "postgresql://nobody:nothing@127.0.0.1:1/nowhere"
SMALL = ("tests/api/test_not_here.py",)


def closing_lines(processes: int, *tests: str, **environment: str) -> tuple[int, list[str]]:
    """How a small test run ended, by one process or, with any `processes`, by so many others; and what it printed."""
    command = [sys.executable, "-m", "pytest", "--tb=no", "-p", "no:cacheprovider"]
    command += ["--numprocesses", str(processes), "--dist", "loadfile", *tests]
    run = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=240, check=False
    )
    return run.returncode, run.stdout.splitlines()


@pytest.mark.parametrize("processes", [0, 2])
def test_they_name_each_database_and_how_its_tests_ended(postgres_url: str, processes: int) -> None:
    """With the versions."""
    code, lines = closing_lines(processes, *SMALL, INTERLOCK_TEST_POSTGRES_URL=postgres_url)
    assert code == 0
    starts = [line for line in lines if line.endswith(": 7 passed")]
    assert [line.split()[0] for line in starts] == ["SQLite", "PostgreSQL"]
    assert all(line.split()[1][0].isdigit() for line in starts)


def test_without_postgresql_its_tests_fail() -> None:
    """None of them is skipped."""
    code, lines = closing_lines(0, *SMALL, INTERLOCK_TEST_POSTGRES_URL=NOBODY)
    assert code == 1
    assert "PostgreSQL (none could be had): 7 failed" in lines


def test_they_tell_of_campaigns_that_another_process_ran() -> None:
    """And on which PostgreSQL, which is one of its own."""
    code, lines = closing_lines(1, "tests/crash/test_killed_database.py", "-k", "killed-postgresql")
    assert code == 0
    (campaign,) = (line for line in lines if line.startswith("test_killed_database[killed-postgresql]: 2 kills"))
    assert "; 0 lost" in campaign
    (database,) = (line for line in lines if line.startswith("PostgreSQL "))
    assert database.split()[1][0].isdigit()
    assert database.endswith(": 1 passed")
