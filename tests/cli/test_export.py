"""`interlock export`: real processes, their files, output and exit codes, on both databases."""

import asyncio
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pyarrow.parquet as pq
import pytest

from interlock.engine.batcher import Batcher
from interlock.orchestration.commands import CreateFlowRun, CreateTaskRun
from interlock.orchestration.states import Proposal, StateType
from interlock.server import create_store
from interlock.settings import Settings
from interlock.storage.queries import flows
from tests.builders import THEN, flow_run_draft, task_run_draft
from tests.cli.test_cli import TIMEOUT, assert_one_clear_line, interlock
from tests.conftest import FreshDatabase

TAGGED = '{"task_runs": {"tags": {"all_": ["odd"]}}}'


@pytest.fixture(scope="module")
def url(fresh_database: FreshDatabase) -> Iterator[str]:
    """A database of nine background task runs, four of which have a tag, and of three flow runs."""
    with fresh_database() as fresh:
        asyncio.run(fill(fresh))
        yield fresh


async def fill(url: str) -> None:
    store = create_store(Settings(database_url=url))
    await store.start()
    batcher = Batcher(store)
    flow, _ = await batcher.write(flows.get_or_create, str(uuid4()), "flow", [], {}, THEN)
    for number in range(3):
        flow_run = flow_run_draft(str(uuid4()), flow["id"], name=f"flow run {number}")
        await batcher.decide(CreateFlowRun(run=flow_run, proposal=Proposal(type=StateType.SCHEDULED)))
    for number in range(9):
        run = task_run_draft(str(uuid4()), None, name=f"run {number}", tags=("odd",) if number % 2 else ())
        await batcher.decide(CreateTaskRun(run=run, proposal=Proposal(type=StateType.SCHEDULED)))
    await store.close()


def export(url: str, *arguments: str, noun: str = "task-runs") -> subprocess.CompletedProcess[str]:
    return interlock("export", noun, "--database-url", url, *arguments)


def test_runs_go_to_standard_output(url: str) -> None:
    """A line each, by their ids, and nothing but these."""
    result = export(url)
    assert (result.returncode, result.stderr) == (0, "")
    runs = [json.loads(x) for x in result.stdout.splitlines()]
    assert sorted(x["name"] for x in runs) == [f"run {x}" for x in range(9)]
    assert [x["id"] for x in runs] == sorted(x["id"] for x in runs)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("{}", ["flow run 0", "flow run 1", "flow run 2"]),
        ('{"flow_runs": {"name": {"any_": ["flow run 1"]}}, "flows": {"name": {"any_": ["flow"]}}}', ["flow run 1"]),
        ('{"work_pools": {"name": {"any_": ["none"]}}, "work_pool_queues": {}}', []),
    ],
)
def test_flow_runs_go_there_as_well(url: str, asked: str, names: list[str]) -> None:
    """Those that the filters of flow runs ask for."""
    result = export(url, "--filter", asked, noun="flow-runs")
    assert (result.returncode, result.stderr) == (0, "")
    assert sorted(json.loads(x)["name"] for x in result.stdout.splitlines()) == names


def test_a_file_is_there_once_it_is_whole(url: str, tmp_path: Path) -> None:
    """Nothing else is left beside it, and what was there before is replaced."""
    target = tmp_path / "runs.parquet"
    target.write_text("older")
    result = export(url, "--filter", TAGGED, "--format", "parquet", "--output", str(target))
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert pq.read_table(io.BytesIO(target.read_bytes())).num_rows == 4
    assert list(tmp_path.iterdir()) == [target]


def test_a_filter_may_be_in_a_file(url: str, tmp_path: Path) -> None:
    """Named after an @."""
    (tmp_path / "odd.json").write_text(TAGGED)
    result = export(url, "--filter", f"@{tmp_path / 'odd.json'}", "--format", "csv")
    assert result.stdout.count("\n") == 5


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("{", "--filter: Invalid JSON"),
        ('{"task_runs": {"color": {}}}', "--filter: task_runs.color: Extra inputs are not permitted"),
        ('{"tasks": {}}', "--filter: tasks: Extra inputs are not permitted"),
        ("@nowhere.json", "--filter: [Errno 2]"),
    ],
)
def test_a_filter_that_is_none_is_one_clear_line(url: str, tmp_path: Path, given: str, told: str) -> None:
    """And no file is made."""
    target = tmp_path / "runs.ndjson"
    result = export(url, "--filter", given, "--output", str(target))
    assert_one_clear_line(result, told)
    assert not target.exists()


def test_a_database_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    """It is not made, and no file either."""
    target = tmp_path / "runs.ndjson"
    result = export(f"sqlite:///{tmp_path / 'none.db'}", "--output", str(target))
    assert_one_clear_line(result, "there is no database")
    assert list(tmp_path.iterdir()) == []


def test_who_stops_reading_ends_it_quietly(url: str) -> None:
    """As `head` does."""
    command = [sys.executable, "-m", "interlock", "export", "task-runs", "--database-url", url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(TIMEOUT) == 1
        assert process.stderr.read() == ""


def test_a_terminal_shows_how_far_it_is(url: str, tmp_path: Path) -> None:
    """On standard error, up to the end."""
    terminal, side = pty.openpty()
    command = [sys.executable, "-m", "interlock", "export", "task-runs", "--database-url", url]
    subprocess.run([*command, "--output", str(tmp_path / "x")], stderr=side, check=True, timeout=TIMEOUT)
    os.close(side)
    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert "task runs" in shown
    assert "100%" in shown
