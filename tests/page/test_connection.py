"""The server goes and comes back, or asks for a password."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from interlock.settings import Settings
from tests.api.records import new_flow_run
from tests.conftest import LiveServer
from tests.databases import SqliteDatabases
from tests.page.conftest import Faults, OpenPage, served
from tests.ports import free_port
from tests.quiet import QUIET


@pytest.fixture
def settings(files: SqliteDatabases) -> Iterator[Settings]:
    """Of a server on a database of this test's own."""
    url = files.create()
    yield Settings(database_url=url, **QUIET)  # type: ignore[arg-type]
    files.drop(url)


def test_a_lost_server_is_told_and_found_again(settings: Settings, open_page: OpenPage, faults: Faults) -> None:
    """What was shown stays; what has changed meanwhile shows by itself once the server is back."""
    faults.expected.append("ERR_CONNECTION")
    port = free_port()
    with LiveServer(settings, port) as server, server.client() as api:
        new_flow_run(api, state={"type": "RUNNING"})
        page = open_page(f"http://127.0.0.1:{port}/")
        count = page.locator(".counts").first.get_by_role("link", name="Running").locator(".count")
        expect(count).to_have_text("1")
    banner = page.get_by_text("The server is lost since")
    expect(banner).to_be_visible()
    page.get_by_role("button", name="Try now").click()
    expect(page.get_by_text(re.compile(r"Next try in \d+ s"))).to_be_visible()
    expect(count).to_have_text("1")
    with LiveServer(settings, port) as server, server.client() as api:
        new_flow_run(api, state={"type": "RUNNING"})
        expect(banner).to_have_count(0)
        expect(count).to_have_text("2")


def test_a_server_that_does_not_answer_is_lost_too(root: str, open_page: OpenPage) -> None:
    """A connection that hangs is no connection."""
    page = open_page("about:blank")
    page.clock.install()
    page.route("**/api/**", lambda _: None)
    page.goto(root)
    expect(page.get_by_text("Loading…").first).to_be_visible()
    page.clock.run_for(31_000)
    expect(page.get_by_text("The server is lost since")).to_be_visible()
    page.unroute("**/api/**")
    page.clock.run_for(60_000)
    expect(page.locator(".counts").first).to_be_visible()
    expect(page.get_by_text("The server is lost since")).to_have_count(0)


def test_a_tab_that_nobody_looks_at_asks_for_nothing(root: str, open_page: OpenPage) -> None:
    """Polling pauses while the tab is hidden, and goes on when it is shown."""
    page = open_page("about:blank")
    page.clock.install()
    page.goto(root)
    expect(page.locator(".counts").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {get: () => window.away}); window.away = true;"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(120_000)
    page.wait_for_load_state("networkidle")
    assert asked == []
    with page.expect_request("**/api/ui/task_runs/count"):
        page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    with page.expect_request("**/api/ui/task_runs/count"):
        page.clock.run_for(6_000)


def test_a_password_is_asked_for_and_kept(files: SqliteDatabases, open_page: OpenPage, faults: Faults) -> None:
    """A wrong one is asked for again; the right one is enough for the session, and everything is there."""
    faults.expected.append("401")
    with served(files, auth_string="admin:pässword") as server:
        page = open_page(server.url.removesuffix("/api"))
        dialog = page.get_by_role("dialog", name="This server asks for a password")
        dialog.get_by_label("Password").fill("wrong")
        dialog.get_by_role("button", name="Go on").click()
        expect(dialog.get_by_role("alert")).to_have_text("That was not it.")
        dialog.get_by_label("Password").fill("admin:pässword")
        dialog.get_by_label("Password").press("Enter")
        expect(page.get_by_role("heading", name="There is no run yet")).to_be_visible()
        expect(dialog).to_have_count(0)
        page.reload()
        expect(page.get_by_role("heading", name="There is no run yet")).to_be_visible()
        expect(dialog).to_have_count(0)
