"""The published client against a server that has more to do than it can."""

from collections import Counter
from pathlib import Path

from interlock.settings import Settings
from tests.acceptance.api import Api
from tests.acceptance.client import FLOWS, INTERPRETER, Client, wait_until
from tests.conftest import FreshDatabase, LiveServer
from tests.overload.flood import background_run, flood

COUNT = 50
REFUSED = "retryable status code 503"


def test_a_flow_of_mapped_tasks_gets_through_an_overload(fresh_database: FreshDatabase, tmp_path: Path) -> None:
    """The client is refused, comes again, and in the end each task has run once and has each of its states once."""
    executions = tmp_path / "executions"
    with (
        fresh_database() as url,
        LiveServer(Settings(database_url=url, max_waiting_writes=1, max_wait_seconds=0.2)) as server,
    ):
        client = Client(server.url, tmp_path)
        command = (INTERPRETER, FLOWS / "mapped.py", "overloaded", str(COUNT), executions)
        run = client.start(*command, env={"PREFECT_LOGGING_LEVEL": "DEBUG"})
        wait_until(executions.exists, "the tasks have begun")
        with flood(server.url, background_run):
            wait_until(lambda: REFUSED in run.stderr.read_text(), "the client is refused")
        report = run.finish().expect().result
        api = Api(server.url)
        runs = api.task_runs(report["id"])
        assert (report["type"], report["result"]) == ("COMPLETED", [number * number for number in range(COUNT)])
        assert Counter(x["state_name"] for x in runs) == {"Completed": COUNT}
        assert all(api.task_states(x["id"]) == ["Pending", "Running", "Completed"] for x in runs[:: COUNT // 10])
        assert Counter(executions.read_text().split()) == {str(number): 1 for number in range(COUNT)}
        api.http.close()
        client.close()
