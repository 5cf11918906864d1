"""Fixtures of the browser tests: Debian's Chromium, and pages at live servers.

`page` is at a server of this module's own whose ledger (`ledger`) is small and filled; `empty_root` is one with nothing
in it. A test fails where the console had an error or the content security policy was broken.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from interlock.settings import Settings
from tests.conftest import LiveServer
from tests.databases import SqliteDatabases
from tests.page.ledger import SmallLedger, fill
from tests.quiet import QUIET

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE = {"width": 1440, "height": 900}
PATIENCE_MS = 10_000
"""How long the browser waits for what a test expects, on a busy machine."""


expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser; the test is skipped where there is none.

    While it is open this thread is inside an event loop, where fixtures that run one of their own can't be made.
    """
    if CHROMIUM is None:
        pytest.skip("the browser tests did not run: there is no chromium here (apt-get install chromium)")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


class Faults:
    """What a page has complained of: errors in its console and exceptions that nobody caught."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.expected: list[str] = []
        """Parts of what a test brings about on purpose: the browser itself tells of each request that fails."""

    def watch(self, page: Page) -> None:
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.seen.append(str(error)))

    def unexpected(self) -> list[str]:
        return [x for x in self.seen if not any(part in x for part in self.expected)]

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.seen.append(f"{message.text} ({message.location.get('url')})")


@pytest.fixture
def faults() -> Faults:
    return Faults()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, faults: Faults) -> Iterator[OpenPage]:
    """Opens pages: `open_page(url, viewport=..., color_scheme=...)`; none may have complained at the end."""
    contexts = []

    def opened(url: str, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": WIDE, "reduced_motion": "reduce", **options})
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        faults.watch(page)
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults.unexpected() == []


def look_again(page: Page) -> None:
    """As when one comes back to the tab: all that is live is asked for at once, not only in its own time."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


@contextmanager
def served(databases: SqliteDatabases, **settings: Any) -> Iterator[LiveServer]:
    """A live server on a fresh SQLite file."""
    url = databases.create()
    with LiveServer(Settings(database_url=url, **{**QUIET, **settings})) as server:
        yield server
    databases.drop(url)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> SqliteDatabases:
    """Databases for what is the same on both kinds: the page sees the API alone."""
    return SqliteDatabases(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def filled_server(files: SqliteDatabases) -> Iterator[LiveServer]:
    """A server of this module's own, with `ledger` in it."""
    with served(files) as server:
        yield server


@pytest.fixture(scope="module")
def filled_api(filled_server: LiveServer) -> Iterator[httpx.Client]:
    with filled_server.client() as client:
        yield client


@pytest.fixture(scope="module")
def ledger(filled_api: httpx.Client) -> SmallLedger:
    """What is in the ledger of `filled_server`."""
    return fill(filled_api)


@pytest.fixture(scope="module")
def root(filled_server: LiveServer, ledger: SmallLedger) -> str:
    """The filled server's root, without a slash at its end: `page.goto(f"{root}/limits")`."""
    return filled_server.url.removesuffix("/api")


@pytest.fixture
def page(root: str, open_page: OpenPage) -> Page:
    """A page at `/` of the filled server, 1440 pixels wide, light."""
    return open_page(f"{root}/", color_scheme="light")


@pytest.fixture(scope="module")
def empty_root(files: SqliteDatabases) -> Iterator[str]:
    """The root of a server with an empty ledger."""
    with served(files) as server:
        yield server.url.removesuffix("/api")
