"""The page at a ledger of a million task runs: how long the server takes for what it asks, and how lists scroll."""

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from statistics import median

import pytest
from playwright.sync_api import Page, Request, expect

from tests.conftest import server_process
from tests.databases import SqliteDatabases
from tests.page.conftest import OpenPage

pytestmark = pytest.mark.long

RUNS = 1_000_000
VISITS = 5
MOST_MS = 100
FIRST_PAINT_MS = 1000
PATHS = (
    "/",
    "/?range=1h",
    "/?range=30d",
    "/task-runs",
    "/task-runs?state=FAILED&state=CRASHED",
    "/task-runs?tag=incident",
    "/task-runs?last=1h",
    "/task-runs?flow=nightly-report",
    "/task-runs?sort=NAME_ASC",
    "/flow-runs",
    "/flow-runs?name=otter",
)

SCROLL = """async (pixels) => {
  const list = document.querySelector(".runs");
  const times = [];
  await new Promise((done) => {
    const step = (time) => {
      times.push(time);
      list.scrollBy(0, pixels);
      times.length < 300 ? requestAnimationFrame(step) : done();
    };
    requestAnimationFrame(step);
  });
  return times;
}"""


@pytest.fixture(scope="module")
def million_root(files: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The root of a server with that many runs, in a process of its own: this one is busy with the browser."""
    url = files.create()
    made = [sys.executable, "-m", "interlock", "demo", "--database-url", url, "--runs", str(RUNS)]
    subprocess.run(made, check=True, capture_output=True)
    for api in server_process(url, tmp_path_factory.mktemp("million") / "server.log"):
        yield api.removesuffix("/api")
    files.drop(url)


def server_ms(page: Page, url: str) -> dict[str, float]:
    """How long the server took for each request of a page, from the last byte asked to the first answered."""
    found: dict[str, float] = {}

    def note(request: Request) -> None:
        timing = request.timing
        if "/api/" in request.url:
            key = f"{request.url.split('/api')[1]} {request.post_data or ''}"[:160]
            found[key] = timing["responseStart"] - timing["requestStart"]

    page.on("requestfinished", note)
    page.goto(url)
    page.wait_for_load_state("networkidle")
    page.remove_listener("requestfinished", note)
    return found


def test_no_request_takes_long(million_root: str, open_page: OpenPage) -> None:
    """The median of some visits, each request by itself; and the first paint is there at once."""
    page = open_page("about:blank")
    slow = {}
    for path in PATHS:
        taken: defaultdict[str, list[float]] = defaultdict(list)
        paints = []
        for _ in range(VISITS):
            for key, ms in server_ms(page, million_root + path).items():
                taken[key.split(" ")[0]].append(ms)
            paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        worst = max(taken, key=lambda x: median(taken[x]))
        print(f"{path}: {median(taken[worst]):.0f} ms {worst}; first paint {median(paints):.0f} ms")
        slow |= {f"{path} {key}": median(x) for key, x in taken.items() if median(x) > MOST_MS}
        assert median(paints) < FIRST_PAINT_MS
    assert slow == {}


def test_a_list_scrolls_smoothly(million_root: str, open_page: OpenPage) -> None:
    """Through thousands of rows, while pages come; only those in sight and a few thousand in memory are kept."""
    page = open_page(f"{million_root}/task-runs")
    rows = page.locator(".runs-body").get_by_role("row")
    expect(rows.first).to_be_visible()
    times = page.evaluate(SCROLL, 400)
    gaps = sorted(b - a for a, b in pairwise(times))
    print(f"{1000 * len(gaps) / sum(gaps):.0f} frames a second, the longest {gaps[-1]:.0f} ms")
    assert 1000 * len(gaps) / sum(gaps) >= 30
    assert rows.count() < 100
