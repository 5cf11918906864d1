"""What requests are answered while there are more than can be served."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from interlock.settings import Settings
from tests.acceptance.client import wait_until
from tests.conftest import FreshDatabase, LiveServer
from tests.overload.flood import Requests, background_run, flood, flow, page

BOUNDS = [{"max_waiting_writes": 1, "max_waiting_reads": 1, "max_wait_seconds": 0.2}, {"max_wait_seconds": 0.001}]
"""One that is about how many wait, one about for how long."""


@contextmanager
def serving(fresh_database: FreshDatabase, **changes: object) -> Iterator[LiveServer]:
    with fresh_database() as url, LiveServer(Settings(database_url=url, **changes)) as server:  # type: ignore[arg-type]
        yield server


@pytest.mark.parametrize("bounds", BOUNDS, ids=lambda x: next(iter(x)))
@pytest.mark.parametrize("request_of", [background_run, flow, page])
def test_what_can_not_be_served_in_time_is_refused_and_the_rest_is_served(
    fresh_database: FreshDatabase, bounds: dict[str, object], request_of: Requests
) -> None:
    """Decisions, plain writes and reads alike; and those who ask whether the server is well are answered that it is."""
    with serving(fresh_database, **bounds) as server, server.client() as client:
        with flood(server.url, request_of) as answers:
            wait_until(lambda: 0 < answers[503] < answers.total(), "some are refused")
            assert [client.get(x).status_code for x in ("/health", "/ready")] == [200, 200]
        assert set(answers) <= {200, 201, 503}
        assert client.post("/task_runs/count", json={}).json() == answers[201] * (request_of is background_run)
        assert client.post("/flows/count", json={}).json() == answers[201] * (request_of is flow)
