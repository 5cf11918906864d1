"""What every request passes: credentials, API version, size, and what lies outside the API."""

import base64
from collections.abc import Iterator

import httpx
import pytest

from interlock.settings import Settings
from tests.conftest import FreshDatabase, LiveServer


@pytest.fixture(scope="module")
def guarded(fresh_database: FreshDatabase) -> Iterator[httpx.Client]:
    """A server that asks for credentials and takes small bodies only."""
    with fresh_database() as url:
        settings = Settings(database_url=url, auth_string="admin:pässword", max_body_bytes=2048)
        with LiveServer(settings) as server, server.client() as client:
            yield client


def test_an_open_server_asks_for_nothing(api: httpx.Client) -> None:
    """Without a password set, requests need no credentials."""
    assert api.get("/hello").status_code == 200


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_health_is_open_to_all(guarded: httpx.Client, path: str) -> None:
    """Load balancers bring no credentials."""
    assert guarded.get(path).status_code == 200


def test_missing_or_wrong_credentials_are_401(guarded: httpx.Client) -> None:
    """On hot and ordinary routes alike, in the wire's shape."""
    for answer in (
        guarded.post("/task_runs/", json={}),
        guarded.get("/hello", headers={"Authorization": "Bearer wrong"}),
        guarded.get("/hello", headers={"Authorization": "Basic !!"}),
    ):
        assert (answer.status_code, answer.json()) == (401, {"exception_message": "Unauthorized"})


def test_the_password_is_taken_as_basic_and_as_bearer(guarded: httpx.Client) -> None:
    """3.x clients send the one, 2.x clients the other."""
    password = "admin:pässword".encode()
    for value in (b"Basic " + base64.b64encode(password), b"Bearer " + password):
        assert guarded.get("/hello", headers={b"Authorization": value}).status_code == 200


def test_a_body_over_the_limit_is_413(guarded: httpx.Client) -> None:
    """Declared or not, and on hot and ordinary routes alike."""
    headers = {b"Authorization": b"Bearer " + "admin:pässword".encode()}
    big = b'{"name": "' + b"x" * 4000 + b'"}'
    for path in ("/flows/", "/task_runs/"):
        assert guarded.post(path, content=big, headers=headers).status_code == 413
        assert guarded.post(path, content=iter([big[:1000], big[1000:]]), headers=headers).status_code == 413


@pytest.mark.parametrize(("version", "status"), [("0.8.0", 200), ("0.8.4", 200), ("1.0.0", 200), ("0.7.9", 400)])
def test_an_api_version_below_0_8_0_is_refused(api: httpx.Client, version: str, status: int) -> None:
    """Newer ones are taken."""
    assert api.get("/hello", headers={"X-PREFECT-API-VERSION": version}).status_code == status


@pytest.mark.parametrize("version", ["x", "1", "0.8", "0.8.4.1", "0.8.x"])
def test_a_malformed_api_version_is_400(api: httpx.Client, version: str) -> None:
    """The answer shows what came."""
    answer = api.post("/task_runs/", json={}, headers={"X-PREFECT-API-VERSION": version})
    assert answer.status_code == 400
    assert answer.json()["detail"].endswith(f"but received {version}")


def test_the_version_does_not_matter_for_health(api: httpx.Client) -> None:
    """Whoever asks whether the server lives is told."""
    assert api.get("/health", headers={"X-PREFECT-API-VERSION": "x"}).json() is True


def test_a_missing_slash_redirects_to_the_collection(api: httpx.Client) -> None:
    """With the prefix, and in a way that keeps method and body."""
    answer = api.post("/flows", json={"name": "redirected"})
    assert answer.status_code == 307
    assert answer.headers["location"].endswith("/api/flows/")


def test_outside_the_api_the_way_leads_to_the_docs(live_server: LiveServer, api: httpx.Client) -> None:
    """`/docs` shows the API's own page, whose scripts are served here."""
    root = live_server.url.removesuffix("/api")
    page = api.get(f"{root}/docs", follow_redirects=True)
    assert page.status_code == 200
    assert "swagger" in page.text
    assert "https://" not in page.text
    assert api.get(f"{root}/openapi.json", follow_redirects=True).json()["openapi"].startswith("3.")
    assert api.get(f"{root}/nowhere").status_code == 404


def test_unknown_routes_and_methods_are_told_apart(api: httpx.Client) -> None:
    """404 and 405, as JSON."""
    assert (api.get("/nowhere").status_code, api.get("/nowhere").json()) == (404, {"detail": "Not Found"})
    assert api.put("/task_runs/").status_code == 405


def test_past_the_bound_of_waiting_writes_the_answer_is_503_with_retry_after(database_url: str) -> None:
    """And what was accepted is there."""
    settings = Settings(database_url=database_url, max_waiting_writes=1, max_wait_seconds=0.2)
    with LiveServer(settings) as server:
        answers = server.flood("/flows/", [{"name": f"flow-{n}"} for n in range(200)])
        refused = [x for x in answers if x.status_code == 503]
        accepted = [x.json()["name"] for x in answers if x.status_code == 201]
        assert refused
        assert all(1 <= int(x.headers["retry-after"]) <= 60 for x in refused)
        assert len(refused) + len(accepted) == 200
        with server.client() as client:
            assert all(client.get(f"/flows/name/{name}").status_code == 200 for name in accepted)
