"""The last lines of a test run: which databases it ran on."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOBODY = "postgresql://nobody:nothing@127.0.0.1:1/nowhere"


def closing_lines(**environment: str) -> tuple[int, list[str]]:
    """How a small test run on both databases ended, and the last lines of what it printed."""
    command = [sys.executable, "-m", "pytest", "tests/api/test_not_here.py", "--tb=no", "-p", "no:cacheprovider"]
    run = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=120, check=False
    )
    return run.returncode, run.stdout.splitlines()


def test_they_name_each_database_and_how_its_tests_ended(postgres_url: str) -> None:
    """With the versions."""
    code, lines = closing_lines(INTERLOCK_TEST_POSTGRES_URL=postgres_url)
    assert code == 0
    starts = [line for line in lines if line.endswith(": 7 passed")]
    assert [line.split()[0] for line in starts] == ["SQLite", "PostgreSQL"]
    assert all(line.split()[1][0].isdigit() for line in starts)


def test_without_postgresql_its_tests_fail() -> None:
    """None of them is skipped."""
    code, lines = closing_lines(INTERLOCK_TEST_POSTGRES_URL=NOBODY)
    assert code == 1
    assert "PostgreSQL (none could be had): 7 failed" in lines
