"""Work pools, work queues, workers and agents of both lines: the command line, and runs that real workers carry out."""

import json
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from .api import Api, Json
from .client import INTERPRETER, Client, Running, wait_until
from .command_line import CommandLine, cells
from .conftest import skip_unless_paired

QUICK = {
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_WORKER_HEARTBEAT_SECONDS": "1",
    "PREFECT_AGENT_QUERY_INTERVAL": "1",
}
LINES = ("2.20", "3.9")


@pytest.fixture(params=LINES)
def cli(request: pytest.FixtureRequest) -> CommandLine:
    """The command line of a line of clients."""
    name = "prefect" if request.param == "2.20" else "prefect_3"
    command_line: CommandLine = request.getfixturevalue(name)
    return command_line


@pytest.fixture(params=LINES)
def user(request: pytest.FixtureRequest) -> Client:
    """A user of a line of clients."""
    client: Client = request.getfixturevalue("client" if request.param == "2.20" else "client_3")
    return client


@pytest.fixture
def name(word: str, request: pytest.FixtureRequest) -> str:
    """A name that is this test's own."""
    return f"{word}-{abs(hash(request.node.name)) % 10**8}"


# The command line


def test_a_pool_is_made_shown_changed_and_deleted(cli: CommandLine, api: Api, name: str) -> None:
    said = cli("work-pool", "create", name, "--type", "process")
    assert f"Created work pool '{name}'" in said.replace("\n", " ")
    assert name in {row[0] for row in cells(cli("work-pool", "ls"))}
    assert f"name='{name}'" in cli("work-pool", "inspect", name)
    pool = api.get(f"/work_pools/{name}")
    assert (pool["type"], "command" in pool["base_job_template"]["variables"]["properties"]) == ("process", True)
    cli("work-pool", "pause", name)
    assert api.get(f"/work_pools/{name}")["status"] == "PAUSED"
    cli("work-pool", "resume", name)
    assert api.get(f"/work_pools/{name}")["status"] == "NOT_READY"
    cli("work-pool", "update", name, "--description", "mine", "--concurrency-limit", "7")
    changed = api.get(f"/work_pools/{name}")
    assert (changed["description"], changed["concurrency_limit"]) == ("mine", 7)
    cli("work-pool", "clear-concurrency-limit", name)
    cli("work-pool", "set-concurrency-limit", name, "3")
    assert api.get(f"/work_pools/{name}")["concurrency_limit"] == 3
    cli("work-pool", "delete", name, typed="y\n")
    assert api.status(f"/work_pools/{name}") == 404


def test_a_pool_has_one_name_and_reserved_ones_are_refused(cli: CommandLine, name: str) -> None:
    cli("work-pool", "create", name, "--type", "process")
    assert "already exists" in cli("work-pool", "create", name, "--type", "process", exit_code=1)
    cli("work-pool", "create", f"prefect-{name}", "--type", "process", exit_code=1)
    cli("work-pool", "inspect", f"{name}-none", exit_code=1)


@pytest.mark.parametrize("kind", ["process", "docker", "kubernetes"])
def test_templates_of_kinds_of_workers_come_from_the_server(cli: CommandLine, kind: str, name: str, api: Api) -> None:
    """Also of those whose package the client does not have."""
    template = json.loads(cli("work-pool", "get-default-base-job-template", "--type", kind))
    assert set(template) == {"job_configuration", "variables"}
    cli("work-pool", "create", f"{name}-{kind}", "--type", kind)
    assert api.get(f"/work_pools/{name}-{kind}")["base_job_template"] == template


def test_a_queue_is_made_shown_changed_and_deleted(cli: CommandLine, api: Api, name: str) -> None:
    cli("work-pool", "create", name, "--type", "process")
    cli("work-queue", "create", "q", "--pool", name, "--limit", "2", "--priority", "1")
    path = f"/work_pools/{name}/queues/q"
    assert (api.get(path)["concurrency_limit"], api.get(path)["priority"]) == (2, 1)
    assert {row[0] for row in cells(cli("work-queue", "ls", "--pool", name))} >= {"default", "q"}
    assert "name='q'" in cli("work-queue", "inspect", "q", "--pool", name)
    cli("work-queue", "pause", "q", "--pool", name)
    assert api.get(path)["status"] == "PAUSED"
    cli("work-queue", "resume", "q", "--pool", name)
    cli("work-queue", "set-concurrency-limit", "q", "5", "--pool", name)
    assert (api.get(path)["concurrency_limit"], api.get(path)["is_paused"]) == (5, False)
    cli("work-queue", "clear-concurrency-limit", "q", "--pool", name)
    assert api.get(path)["concurrency_limit"] is None
    cli("work-queue", "delete", "q", "--pool", name, typed="y\n")
    assert api.status(path) == 404


# Runs


def deployed(user: Client, name: str, pool: str, queue: str = "") -> str:
    """The id of a deployment of `flows/worked.py`."""
    return str(user.script("worked", name, pool, queue)["id"])


def create_run(api: Api, deployment_id: str, marks: Path, seconds: float = 0.0) -> str:
    body = {"parameters": {"marks": str(marks), "seconds": seconds}}
    return str(api.post(f"/deployments/{deployment_id}/create_flow_run", body)["id"])


def worker(user: Client, pool: str, name: str, *options: str) -> Running:
    """A worker that looks for runs every second."""
    executable = user.interpreter.with_name("prefect")
    command = ("worker", "start", "--type", "process", "--pool", pool, "--name", name, *options)
    return user.start(executable, *command, env=QUICK)


def finished(api: Api, ids: list[str]) -> list[Json] | None:
    """The runs, once all of them have ended."""
    runs = [api.flow_run(x) for x in ids]
    return runs if all(x["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") for x in runs) else None


def marks_of(path: Path) -> list[tuple[str, str, float]]:
    return [tuple(json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def most_at_once(marks: list[tuple[str, str, float]]) -> int:
    """How many runs there were at the same time, at most."""
    now, most = 0, 0
    for _, what, _ in sorted(marks, key=lambda x: x[2]):
        now += 1 if what == "began" else -1
        most = max(most, now)
    return most


def test_a_worker_carries_out_what_waits_in_its_pool(user: Client, api: Api, name: str, tmp_path: Path) -> None:
    """A pool that its command line makes, with the template of the server; each run in a process of its own."""
    user.prefect("work-pool", "create", name, "--type", "process").expect()
    marks = tmp_path / "marks"
    ids = [create_run(api, deployed(user, name, name, queue), marks) for queue in ("", "urgent")]
    worker(user, name, "w", "--run-once").finish().expect()
    runs = [api.flow_run(x) for x in ids]
    assert [(x["state_type"], x["work_pool_name"]) for x in runs] == [("COMPLETED", name)] * 2
    assert Counter(x[0] for x in marks_of(marks)) == dict.fromkeys(ids, 2)
    (told,) = api.post(f"/work_pools/{name}/workers/filter")
    assert (told["name"], told["heartbeat_interval_seconds"]) == ("w", 1)
    assert api.get(f"/work_pools/{name}/queues/urgent")["last_polled"] is not None


def test_two_workers_share_a_pool_and_never_exceed_its_limit(
    user: Client, api: Api, name: str, tmp_path: Path, database: str, is_campaign: bool
) -> None:
    """Each run is carried out once, and no more at a time than the pool has slots."""
    skip_unless_paired("2.20" if user.interpreter == INTERPRETER else "3.9", database, is_campaign)
    count = 20 if is_campaign else 4
    api.post("/work_pools/", {"name": name, "type": "process", "concurrency_limit": 1})
    marks = tmp_path / "marks"
    deployment_id = deployed(user, name, name)
    ids = [create_run(api, deployment_id, marks, 0.5) for _ in range(count)]
    workers = [worker(user, name, x) for x in "ab"]
    runs = wait_until(lambda: finished(api, ids), "all runs have ended", 120 + 10 * count)
    for x in workers:
        x.kill()
    assert {x["state_type"] for x in runs} == {"COMPLETED"}
    assert Counter(x[0] for x in marks_of(marks)) == dict.fromkeys(ids, 2)
    assert most_at_once(marks_of(marks)) == 1


@pytest.mark.long
def test_a_worker_that_is_killed_is_shown_offline_and_another_takes_over(
    user: Client, api: Api, name: str, tmp_path: Path
) -> None:
    """What it had not begun waits on, is told to be late, and is given to the next one."""
    api.post("/work_pools/", {"name": name, "type": "process"})
    first = worker(user, name, "first")

    def status(of: str) -> Any:
        workers = {x["name"]: x["status"] for x in api.post(f"/work_pools/{name}/workers/filter")}
        return workers.get(of)

    wait_until(lambda: status("first") == "ONLINE", "the worker is there")
    assert api.get(f"/work_pools/{name}")["status"] == "READY"
    first.process.send_signal(signal.SIGKILL)
    wait_until(lambda: status("first") == "OFFLINE", "the worker is gone")
    wait_until(lambda: api.get(f"/work_pools/{name}")["status"] == "NOT_READY", "nobody serves the pool")
    run_id = create_run(api, deployed(user, name, name), tmp_path / "marks")
    wait_until(lambda: api.flow_run(run_id)["state_name"] == "Late", "the run is late")
    worker(user, name, "second", "--run-once").finish().expect()
    assert api.flow_run(run_id)["state_type"] == "COMPLETED"
    assert status("first") == "OFFLINE"


def test_an_agent_carries_out_what_waits_in_its_queue(client: Client, api: Api, name: str, tmp_path: Path) -> None:
    """Of clients of the 2.x line, which know queues without a pool."""
    run_id = create_run(api, deployed(client, name, "default-agent-pool", name), tmp_path / "marks")
    agent = client.interpreter.with_name("prefect")
    client.start(agent, "agent", "start", "--work-queue", name, "--run-once", env=QUICK).finish().expect()
    assert api.flow_run(run_id)["state_type"] == "COMPLETED"
    queue = api.get(f"/work_queues/name/{name}")
    assert (queue["work_pool_name"], queue["status"]) == ("default-agent-pool", "READY")
