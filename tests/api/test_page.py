"""The page at the server's root: which paths are its own, and what its files are served with."""

import gzip
from collections.abc import Iterator
from importlib.resources import files

import httpx
import pytest

from interlock.settings import Settings
from tests.conftest import FreshDatabase, LiveServer

PATHS = (
    "/",
    "/task-runs",
    "/task-runs/0190a3b2-0000-7000-8000-000000000000",
    "/flow-runs",
    "/flow-runs/0190a3b2-0000-7000-8000-000000000000",
    "/flows",
    "/limits",
    "/queues",
    "/settings",
    "/flows/",
)
ASSETS = {
    "app.js": "text/javascript; charset=utf-8",
    "app.css": "text/css; charset=utf-8",
    "favicon.svg": "image/svg+xml",
}


@pytest.fixture(scope="module")
def root(live_server: LiveServer) -> Iterator[httpx.Client]:
    """A client whose base is the server's root."""
    with httpx.Client(base_url=live_server.url.removesuffix("/api")) as client:
        yield client


@pytest.mark.parametrize("path", PATHS)
def test_the_pages_own_paths_answer_its_document(root: httpx.Client, path: str) -> None:
    """So that an address can be shared and a page reloaded."""
    answer = root.get(path, params={"state": "FAILED"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert '<script src="/assets/app.js">' in answer.text


@pytest.mark.parametrize("path", ["/nothing", "/flows/1/2", "/assets/", "/assets/index.html/x", "/assets/../front.py"])
def test_other_paths_are_404_in_json(root: httpx.Client, path: str) -> None:
    """A client that is pointed at the wrong place is told so, not given a page."""
    answer = root.get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize("name", ASSETS)
def test_files_are_served_as_they_are(root: httpx.Client, name: str) -> None:
    answer = root.get(f"/assets/{name}")
    assert answer.headers["content-type"] == ASSETS[name]
    assert answer.content == files("interlock").joinpath("page", name).read_bytes()


@pytest.mark.parametrize("path", ["/", "/assets/app.js", "/assets/app.css"])
def test_nothing_from_elsewhere_may_run_or_be_asked(root: httpx.Client, path: str) -> None:
    """The policy allows the server's own files and API, and no frames around them."""
    headers = root.get(path).headers
    policy = dict(x.split(" ", 1) for x in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_a_browser_is_told_when_its_copy_is_still_good(root: httpx.Client) -> None:
    """And asks each time, so that a new release shows at once."""
    first = root.get("/assets/app.js")
    assert first.headers["cache-control"] == "no-cache"
    again = root.get("/assets/app.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert root.get("/assets/app.js", headers={"If-None-Match": '"other"'}).status_code == 200


def test_files_are_packed_for_who_takes_it(root: httpx.Client) -> None:
    with root.stream("GET", "/assets/app.js", headers={"Accept-Encoding": "gzip, br"}) as packed:
        raw = b"".join(packed.iter_raw())
    plain = root.get("/assets/app.js", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(raw) == plain.content
    assert packed.headers["vary"] == "Accept-Encoding"


def test_the_page_is_only_read(root: httpx.Client) -> None:
    assert root.head("/").status_code == 200
    answer = root.post("/", json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_the_pages_files_need_no_password(fresh_database: FreshDatabase) -> None:
    """They hold nothing of the ledger; the API that they ask does need it."""
    with fresh_database() as url, LiveServer(Settings(database_url=url, auth_string="secret")) as server:
        root = server.url.removesuffix("/api")
        assert httpx.get(f"{root}/flows").status_code == 200
        assert httpx.get(f"{root}/assets/app.js").status_code == 200
        assert httpx.get(f"{server.url}/hello").status_code == 401
