"""Readiness, as load balancers ask for it."""

import httpx

from interlock.settings import Settings
from tests.conftest import LiveServer
from tests.databases import Databases


def test_a_server_whose_writes_fail_is_not_ready(databases: Databases, database_url: str) -> None:
    """Though it may still read; and it is ready again as soon as the database takes writes, without one being asked."""
    settings = Settings(database_url=database_url)
    with LiveServer(settings) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        with databases.without_writes(database_url):
            refused = client.post("/flows/", json={"name": "flow"})
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
            assert client.get("/ready").status_code == 503
            assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == 200
        assert client.get("/ready").status_code == 200
        assert client.post("/flows/", json={"name": "flow"}).status_code == 201
