"""Readiness, as load balancers ask for it."""

from structlog.testing import capture_logs

from interlock.settings import Settings
from tests.conftest import LiveServer
from tests.databases import Databases


def test_a_server_whose_writes_fail_is_not_ready(databases: Databases, database_url: str) -> None:
    """Though it may still read; and it is ready again as soon as the database takes writes, without one being asked.
    The log tells when that began and ended, and nothing of the single requests."""
    settings = Settings(database_url=database_url)
    with capture_logs() as lines, LiveServer(settings) as server, server.client() as client:
        with databases.without_writes(database_url):
            refused = client.post("/flows/", json={"name": "flow"})
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
            assert client.get("/ready").status_code == 503
            assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == 200
        assert client.get("/ready").status_code == 200
        assert client.post("/flows/", json={"name": "flow"}).status_code == 201
    told = [x["event"] for x in lines if x.get("use") == "writes"]
    assert told == ["database unavailable", "database available again"]
    assert not [x for x in lines if x["log_level"] == "error" and "use" not in x]
