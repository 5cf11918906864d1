"""A deployment's concurrency limit, heeded by processes of both lines that serve it."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple
from uuid import uuid4

import pytest

from interlock.settings import Settings
from tests.conftest import FreshDatabase, LiveServer

from .api import Api, Json
from .client import FLOWS, Client, Running, wait_until
from .conftest import skip_unless_paired
from .streams import INTERPRETERS

pytestmark = pytest.mark.timeout(600)

POLL = {"PREFECT_RUNNER_POLL_FREQUENCY": "1"}
ENDED = {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]}}


class Limited(NamedTuple):
    """A process that serves a deployment, and the server as plain HTTP shows it."""

    deployment: str
    process: Running
    api: Api

    def limit(self, strategy: str) -> None:
        """One run at a time."""
        options = {"collision_strategy": strategy}
        body = {"concurrency_limit": 1, "concurrency_options": options}
        self.api.http.patch(f"/deployments/{self.deployment}", json=body).raise_for_status()

    def results(self, runs: int) -> list[Json]:
        """What becomes of so many runs that are asked for at once."""
        path = f"/deployments/{self.deployment}/create_flow_run"
        ids = [self.api.post(path, {})["id"] for _ in range(runs)]
        body = {"flow_runs": {"id": {"any_": ids}, "state": ENDED}}

        def all_ended() -> list[Json] | None:
            self.process.assert_running()
            found = list(self.api.post("/flow_runs/filter", body))
            return found if len(found) == runs else None

        return wait_until(all_ended, "the end of all runs")

    def states(self, run: Json) -> list[Json]:
        found = self.api.get("/flow_run_states/", flow_run_id=run["id"])
        return sorted(found, key=lambda x: str(x["timestamp"]))


@pytest.fixture(scope="module", params=INTERPRETERS)
def limited(
    request: pytest.FixtureRequest,
    fresh_database: FreshDatabase,
    tmp_path_factory: pytest.TempPathFactory,
    database: str,
    is_campaign: bool,
) -> Iterator[Limited]:
    """A client of each line that serves, and a server that has runs wait for a second."""
    skip_unless_paired(request.param, database, is_campaign)
    word = uuid4().hex[:10]
    with (
        fresh_database() as url,
        LiveServer(Settings(database_url=url, deployment_slot_wait_seconds=1)) as server,  # type: ignore[call-arg]
    ):
        client, api = (
            Client(server.url, tmp_path_factory.mktemp("limited"), INTERPRETERS[request.param]),
            Api(server.url),
        )
        process = client.start(client.interpreter, FLOWS / "limited.py", word, env=POLL)
        path = f"/deployments/name/acceptance-limited/limited-{word}"
        try:
            wait_until(lambda: api.status(path) == 200, "the deployment")
            yield Limited(str(api.get(path)["id"]), process, api)
        finally:
            process.kill()
            client.close()
            api.http.close()


def test_no_two_runs_are_under_way_at_once(limited: Limited) -> None:
    """The others wait for their turn; none is lost."""
    limited.limit("ENQUEUE")
    runs = limited.results(3)
    assert [x["state_type"] for x in runs] == ["COMPLETED"] * 3
    histories = [limited.states(x) for x in runs]
    assert "AwaitingConcurrencySlot" in {x["name"] for states in histories for x in states}
    times = sorted(_under_way(x) for x in histories)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(times))


def _under_way(states: list[Json]) -> tuple[str, str]:
    """From when on a run held a slot, and until when."""
    return next(str(x["timestamp"]) for x in states if x["type"] == "PENDING"), str(states[-1]["timestamp"])


def test_runs_that_may_not_wait_are_cancelled(limited: Limited) -> None:
    limited.limit("CANCEL_NEW")
    runs = limited.results(3)
    assert sorted(x["state_type"] for x in runs) == ["CANCELLED", "CANCELLED", "COMPLETED"]
    messages = {x["state"]["message"] for x in runs if x["state_type"] == "CANCELLED"}
    assert messages == {"Deployment concurrency limit reached."}
