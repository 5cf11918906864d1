"""A process that serves flows: runs that a schedule makes, that somebody asks for, and that somebody cancels."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import uuid4

import psutil
import pytest

from .api import Api, Json
from .client import FLOWS, INTERPRETER, Client, Running, wait_until
from .command_line import CommandLine, cells
from .conftest import skip_unless_paired

pytestmark = pytest.mark.timeout(900)

POLL = {"PREFECT_RUNNER_POLL_FREQUENCY": "1"}
SCHEDULED = "acceptance-served/served-{}"
LASTING = "acceptance-lasting/lasting-{}"
FLOW = FLOWS / "served.py"


class Served(NamedTuple):
    """A process that serves two deployments of a word's, its client, and the client's command line."""

    word: str
    client: Client
    process: Running
    prefect: CommandLine
    api: Api

    def name(self, pattern: str) -> str:
        return pattern.format(self.word)

    def deployment(self, pattern: str) -> Json:
        return dict(self.api.get(f"/deployments/name/{self.name(pattern)}"))

    def runs(self, pattern: str, **criteria: object) -> list[Json]:
        deployment = {"id": {"any_": [self.deployment(pattern)["id"]]}}
        body = {"deployments": deployment, "flow_runs": criteria, "sort": "START_TIME_ASC"}
        return list(self.api.post("/flow_runs/filter", body))


@pytest.fixture(scope="module", params=["2.20", "3.9"])
def served(
    request: pytest.FixtureRequest,
    client: Client,
    client_3: Client,
    prefect: CommandLine,
    prefect_3: CommandLine,
    api: Api,
) -> Iterator[Served]:
    """A client of each line that serves."""
    who, command_line = (client, prefect) if request.param == "2.20" else (client_3, prefect_3)
    word = uuid4().hex[:10]
    process = who.start(who.interpreter, FLOW, word, env=POLL)
    serving = Served(word, who, process, command_line, api)
    try:
        wait_until(lambda: is_deployed(serving), "both deployments")
        yield serving
    finally:
        process.kill()


def is_deployed(serving: Served) -> bool:
    serving.process.assert_running()
    return all(serving.api.status(f"/deployments/name/{serving.name(x)}") == 200 for x in (SCHEDULED, LASTING))


def test_runs_of_the_schedule_are_run_when_their_time_comes(served: Served) -> None:
    """By the process that serves, which makes the deployment ready."""

    def completed() -> list[Json]:
        served.process.assert_running()
        return served.runs(SCHEDULED, state={"type": {"any_": ["COMPLETED"]}})

    run = wait_until(completed, "a run that the schedule made")[0]
    assert run["auto_scheduled"]
    # The server has a client wait for whole seconds, rounded, and 3.x ones begin up to ten seconds early.
    early = timedelta(seconds=0.5 if served.client.interpreter == INTERPRETER else 10)
    assert datetime.fromisoformat(run["start_time"]) >= datetime.fromisoformat(run["expected_start_time"]) - early
    assert {"auto-scheduled", served.word} <= set(run["tags"])
    assert run["created_by"]["type"] == "SCHEDULE"
    assert served.deployment(SCHEDULED)["status"] == "READY"


def test_the_command_line_pauses_and_resumes_the_schedule(served: Served) -> None:
    """Waiting runs go and come back."""
    waiting = {"state": {"name": {"any_": ["Scheduled"]}}}
    name = served.name(SCHEDULED)
    ((schedule_id, *_),) = cells(served.prefect("deployment", "schedule", "ls", name))
    assert schedule_id == served.deployment(SCHEDULED)["schedules"][0]["id"]
    served.prefect("deployment", "schedule", "pause", name, schedule_id)
    assert served.runs(SCHEDULED, **waiting) == []
    assert not served.deployment(SCHEDULED)["schedules"][0]["active"]
    served.prefect("deployment", "schedule", "resume", name, schedule_id)
    wait_until(lambda: len(served.runs(SCHEDULED, **waiting)) >= 3, "runs after the resumption")
    served.prefect("deployment", "schedule", "pause", name, schedule_id)


def test_the_command_line_shows_deployments(served: Served) -> None:
    listed = cells(served.prefect("deployment", "ls"))
    assert served.name(SCHEDULED) in " ".join(y for x in listed for y in x)
    shown = served.prefect("deployment", "inspect", served.name(SCHEDULED))
    assert served.deployment(SCHEDULED)["id"] in shown


def test_a_run_that_somebody_asks_for_is_run_with_its_parameters(served: Served) -> None:
    said = served.prefect("deployment", "run", served.name(SCHEDULED), "--param", "greeting=asked")
    run_id = next(x["id"] for x in served.runs(SCHEDULED) if x["id"] in said)
    done = wait_until(lambda: ended(served, run_id), "the run that was asked for")
    assert (done["state_type"], done["parameters"]) == ("COMPLETED", {"greeting": "asked"})
    assert not done["auto_scheduled"]


def ended(served: Served, run_id: str) -> Json | None:
    run = served.api.flow_run(run_id)
    return run if run["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") else None


def test_a_flow_waits_for_a_run_of_a_deployment(served: Served) -> None:
    """Which the serving process runs, as a subflow of the caller's."""
    told = served.client.start(served.client.interpreter, FLOW, served.word, "call").finish(300).expect().result
    assert told["type"] == "COMPLETED"
    run = served.api.flow_run(told["id"])
    assert run["parameters"] == {"greeting": "called"}
    assert run["parent_task_run_id"] is not None


def test_a_cancellation_from_outside_ends_the_process(served: Served) -> None:
    """The child process of the run, and not the one that serves."""
    where = served.client.home / f"lasting-{served.word}"
    served.prefect("deployment", "run", served.name(LASTING), "--param", f"where={where}")
    wait_until(lambda: where.exists() and where.read_text(), "the process of the run")
    process = psutil.Process(int(where.read_text()))
    (run,) = served.runs(LASTING)
    served.prefect("flow-run", "cancel", run["id"])
    done = wait_until(lambda: ended(served, run["id"]), "the cancelled run")
    assert (done["state_type"], done["state_name"]) == ("CANCELLED", "Cancelled")
    process.wait(60)
    served.process.assert_running()


def test_a_run_that_nobody_begins_is_late(served: Served, database: str, is_campaign: bool) -> None:
    """As it is when no process serves any more."""
    skip_unless_paired("2.20" if served.client.interpreter == INTERPRETER else "3.9", database, is_campaign)
    served.process.kill()
    served.prefect("deployment", "run", served.name(LASTING), "--param", "where=nowhere")
    late = {"state": {"name": {"any_": ["Late"]}}}
    (run,) = wait_until(lambda: served.runs(LASTING, **late), "a late run")
    assert run["state_type"] == "SCHEDULED"
    assert run["parameters"] == {"where": "nowhere"}
