"""What the server tells about itself."""

from urllib.parse import urlsplit

import httpx
import pytest

from interlock import __version__
from interlock.settings import Settings
from tests.conftest import LiveServer
from tests.databases import Databases


@pytest.mark.parametrize(
    ("path", "answer"), [("/health", True), ("/ready", {"message": "OK"}), ("/hello", "👋"), ("/version", "0.8.4")]
)
def test_a_server_at_work_says_so(api: httpx.Client, path: str, answer: object) -> None:
    """In the words that clients and load balancers know."""
    response = api.get(path)
    assert (response.status_code, response.json()) == (200, answer)


@pytest.mark.parametrize(
    ("agent", "version"),
    [
        ("prefect/2.20.25 (API 0.8.4)", "2.20.25"),
        ("prefect/3.9.1", "3.9.1"),
        ("python-httpx/0.28", "3.9.1"),
        ("", "3.9.1"),
    ],
)
def test_each_line_of_clients_meets_its_own_version(api: httpx.Client, agent: str, version: str) -> None:
    """Since a client refuses a server of another major version. Who says nothing is told of the newer line."""
    assert api.get("/admin/version", headers={"User-Agent": agent}).json() == version


def test_a_server_whose_database_is_gone_is_not_ready(databases: Databases, database_url: str) -> None:
    """It lives, but a load balancer should send requests elsewhere; and back as soon as the database is."""
    with LiveServer(Settings(database_url=database_url)) as server, server.client() as client:
        with databases.without_reads(database_url):
            answer = client.get("/ready")
            assert (answer.status_code, answer.json()) == (503, {"message": "Database is not available"})
            assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == 200


def test_settings_are_shown_without_secrets(database_url: str) -> None:
    """Each by the variable that sets it."""
    settings = Settings(database_url=database_url, auth_string="admin:password")
    headers = {"Authorization": "Bearer admin:password"}
    with LiveServer(settings) as server, server.client(headers) as client:
        answer = client.get("/admin/settings")
    secret = urlsplit(database_url).password
    shown = database_url.replace(secret, "********") if secret else database_url
    assert answer.json()["INTERLOCK_DATABASE_URL"] == shown
    assert answer.json()["INTERLOCK_AUTH_STRING"] == "********"
    assert "password" not in answer.text


def test_a_secret_that_is_not_set_is_shown_as_such(api: httpx.Client) -> None:
    """Nothing is hidden where there is nothing to hide."""
    assert api.get("/admin/settings").json()["INTERLOCK_AUTH_STRING"] is None


def test_tokens_against_forged_requests_are_not_in_use(api: httpx.Client) -> None:
    """Clients take this very text as leave to go on without."""
    answer = api.get("/csrf-token", params={"client": "me"})
    assert (answer.status_code, answer.json()) == (422, {"detail": "CSRF protection is disabled."})


@pytest.mark.parametrize("action", ["clear", "drop", "create"])
def test_the_database_can_not_be_destroyed_over_the_network(api: httpx.Client, action: str) -> None:
    """There are no such routes."""
    assert api.post(f"/admin/database/{action}", json={"confirm": True}).status_code == 404


def test_the_ledger_tells_its_kind_and_its_size(api: httpx.Client, database: str) -> None:
    told = api.get("/admin/ledger").json()
    assert (told["database"], told["version"]) == (database, __version__)
    assert told["size_bytes"] > 100_000
