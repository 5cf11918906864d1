"""The page at a server on PostgreSQL: it sees the API alone, so once through is enough."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from interlock.settings import Settings
from tests.conftest import LiveServer
from tests.databases import PostgresDatabases
from tests.page.conftest import OpenPage
from tests.page.ledger import SmallLedger, fill
from tests.quiet import QUIET


@pytest.fixture(scope="module")
def postgres_server(postgres_databases: PostgresDatabases) -> Iterator[tuple[str, SmallLedger]]:
    """Its root, and what is in its ledger."""
    url = postgres_databases.create()
    with LiveServer(Settings(database_url=url, **QUIET)) as server, server.client() as api:  # type: ignore[arg-type]
        yield server.url.removesuffix("/api"), fill(api)
    postgres_databases.drop(url)


def test_the_page_is_the_same_on_postgresql(postgres_server: tuple[str, SmallLedger], open_page: OpenPage) -> None:
    """Counts, history, what waits, and both lists with their filters."""
    root, ledger = postgres_server
    page = open_page(f"{root}/")
    expect(page.get_by_text("For a slot of database")).to_be_visible()
    expect(page.locator(".u-over")).to_have_count(2)
    page.goto(f"{root}/task-runs?tag=incident")
    expect(page.locator(".runs-body").get_by_role("row")).to_have_count(1)
    page.goto(f"{root}/flow-runs?name=daily")
    expect(page.get_by_role("link", name="daily-sum")).to_have_attribute("href", f"/flow-runs/{ledger.flow_run}")
