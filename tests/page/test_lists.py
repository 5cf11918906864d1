"""The lists of task runs and flow runs."""

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from interlock.settings import Settings
from tests.api.records import set_state
from tests.conftest import LiveServer
from tests.databases import SqliteDatabases
from tests.page.conftest import OpenPage, look_again
from tests.page.ledger import SmallLedger, task_run
from tests.quiet import QUIET

MANY = 3_000


@pytest.fixture(scope="module")
def many(files: SqliteDatabases) -> Iterator[LiveServer]:
    """A server with some thousand made-up task runs."""
    url = files.create()
    made = [sys.executable, "-m", "interlock", "demo", "--database-url", url, "--runs", str(MANY)]
    subprocess.run(made, check=True, capture_output=True)
    with LiveServer(Settings(database_url=url, **QUIET)) as server:  # type: ignore[arg-type]
        yield server
    files.drop(url)


@pytest.fixture
def many_page(many: LiveServer, open_page: OpenPage) -> Page:
    return open_page(many.url.removesuffix("/api") + "/task-runs")


def rows(page: Page) -> Locator:
    """Those that are there, without the headings."""
    return page.locator(".runs-body").get_by_role("row")


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def total(page: Page) -> Locator:
    return page.locator(".heading").get_by_role("status")


def scroll_to_end(grid: Locator) -> None:
    """Until all rows are known, as the last page comes with fewer rows than others do."""
    while grid.get_attribute("aria-rowcount") == "-1":
        height = grid.evaluate("x => x.scrollHeight")
        grid.evaluate("x => x.scrollTo(0, x.scrollHeight)")
        expect(grid).not_to_have_js_property("scrollHeight", height)


def test_a_list_is_scrolled_to_its_end(many_page: Page, many: LiveServer) -> None:
    """Page after page comes as one scrolls; only the rows in sight are in the document."""
    grid = many_page.get_by_role("grid")
    expect(rows(many_page).first).to_be_visible()
    scroll_to_end(grid)
    assert grid.get_attribute("aria-rowcount") == str(MANY + 1)
    grid.evaluate("x => x.scrollTo(0, x.scrollHeight)")
    with many.client() as api:
        asking = {"sort": "EXPECTED_START_TIME_ASC", "limit": 1}
        oldest = api.post("/task_runs/filter", json=asking).json()[0]
    last = rows(many_page).last
    expect(last).to_have_attribute("aria-rowindex", str(MANY + 1))
    expect(last.get_by_role("link").first).to_have_attribute("href", f"/task-runs/{oldest['id']}")
    assert rows(many_page).count() < 80


def test_what_was_let_go_comes_back(many_page: Page) -> None:
    """Of a long list only some pages are kept: those that one returns to are asked for again, with the same rows."""
    grid = many_page.get_by_role("grid")
    expect(rows(many_page).first).to_be_visible()
    grid.evaluate("x => x.scrollTo(0, 34 * 150)")
    row = many_page.locator('[role=row][aria-rowindex="160"]')
    expect(row.get_by_role("link").first).to_be_visible()
    before = row.get_by_role("link").first.get_attribute("href")
    scroll_to_end(grid)
    grid.evaluate("x => x.scrollTo(0, 34 * 150)")
    expect(row.get_by_role("link").first).to_have_attribute("href", str(before))


def test_a_list_goes_by_keyboard(many_page: Page) -> None:
    """One stop for Tab; arrows move, Enter opens."""
    grid = many_page.get_by_role("grid")
    expect(rows(many_page).first).to_be_visible()
    grid.focus()
    grid.press("ArrowDown")
    grid.press("j")
    grid.press("ArrowDown")
    grid.press("k")
    expect(many_page.locator("#run-1")).to_have_class(re.compile("active"))
    expect(grid).to_have_attribute("aria-activedescendant", "run-1")
    grid.press("PageDown")
    grid.press("PageDown")
    active = many_page.locator(".runs-row.active")
    expect(active).to_be_in_viewport()
    href = active.get_by_role("link").first.get_attribute("href")
    grid.press("Enter")
    expect(many_page).to_have_url(re.compile(f"{href}$"))


@pytest.fixture
def list_page(page: Page, root: str) -> Page:
    page.goto(f"{root}/task-runs")
    expect(rows(page).first).to_be_visible()
    return page


def test_states_are_filtered_and_kept_in_the_address(list_page: Page, filled_api: httpx.Client) -> None:
    """Who opens the address sees the same runs."""
    list_page.get_by_role("button", name="Any state").click()
    list_page.get_by_role("checkbox", name="Failed").check()
    list_page.get_by_role("checkbox", name="Crashed").check()
    list_page.keyboard.press("Escape")
    assert asked(list_page) == {"state": ["FAILED", "CRASHED"]}
    counts = filled_api.post("/ui/task_runs/count", json={}).json()
    wanted = counts["FAILED"] + counts["CRASHED"]
    expect(rows(list_page)).to_have_count(wanted)
    list_page.reload()
    expect(list_page.get_by_role("button", name="2 states")).to_be_visible()
    expect(rows(list_page)).to_have_count(wanted)
    expect(rows(list_page).first).to_contain_text("Failed")


@pytest.mark.parametrize(
    ("label", "text", "parameter", "found"),
    [
        ("Name contains", "RACT-1", {"name": ["RACT-1"]}, ["extract-1", "extract-10", "extract-11"]),
        ("Tags, all of them, with commas", "incident", {"tag": ["incident"]}, ["broken"]),
        ("Tags, all of them, with commas", "incident, database", {"tag": ["incident", "database"]}, []),
    ],
)
def test_texts_are_filters(
    list_page: Page, label: str, text: str, parameter: dict[str, list[str]], found: list[str]
) -> None:
    list_page.get_by_label(label).fill(text)
    expect(rows(list_page)).to_have_count(len(found))
    assert asked(list_page) == parameter
    names = rows(list_page).locator("[role=gridcell]:nth-child(2)").all_inner_texts()
    assert sorted(names) == found


def test_what_nothing_is_like_says_so(list_page: Page) -> None:
    """And all filters are taken out at once."""
    list_page.get_by_label("Name contains").fill("nothing-of-this-name")
    expect(list_page.get_by_text("No task run is like that.")).to_be_visible()
    list_page.get_by_role("button", name="Clear filters").click()
    expect(rows(list_page).first).to_be_visible()
    assert asked(list_page) == {}
    expect(list_page.get_by_label("Name contains")).to_have_value("")


def test_a_flow_is_a_filter_of_both_lists(list_page: Page, root: str) -> None:
    list_page.get_by_label("Flow").fill("no-such-flow")
    expect(list_page.get_by_text("No task run is like that.")).to_be_visible()
    list_page.goto(f"{root}/flow-runs?flow=sums")
    expect(rows(list_page).filter(has_text="daily-sum")).to_be_visible()


def test_times_are_filters(list_page: Page) -> None:
    """The last hour, and any span."""
    list_page.get_by_label("Time").select_option("1h")
    expect(rows(list_page).first).to_be_visible()
    assert asked(list_page) == {"last": ["1h"]}
    list_page.get_by_label("Time").select_option("span")
    list_page.get_by_label("From").fill("2020-01-01T00:00:00")
    list_page.get_by_label("To", exact=True).fill("2020-01-02T00:00:00")
    expect(list_page.get_by_text("No task run is like that.")).to_be_visible()
    assert set(asked(list_page)) == {"after", "before"}


def test_columns_are_chosen_and_kept(list_page: Page, root: str) -> None:
    """In the address, and for the next time."""
    list_page.get_by_role("button", name="Columns").click()
    list_page.get_by_role("checkbox", name="Tags").uncheck()
    list_page.get_by_role("checkbox", name="Task", exact=True).check()
    assert asked(list_page)["columns"] == ["state,name,flow_run,expected,duration,task"]
    expect(list_page.get_by_role("columnheader").last).to_have_text("Task")
    list_page.goto(f"{root}/task-runs")
    expect(list_page.get_by_role("columnheader").last).to_have_text("Task")
    list_page.goto(f"{root}/task-runs?columns=name,id")
    expect(list_page.get_by_role("columnheader")).to_have_text(["Name", "Id"])


def test_a_heading_orders_the_list(list_page: Page) -> None:
    """Up, and down again."""
    names = rows(list_page).locator("[role=gridcell]:nth-child(2)")
    heading = list_page.get_by_role("columnheader", name="Name")
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    expect(names.first).to_have_text("background")
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    expect(names.first).to_have_text("waiter")
    assert asked(list_page) == {"sort": ["NAME_DESC"]}


def test_the_list_keeps_itself_current(list_page: Page, filled_api: httpx.Client, ledger: SmallLedger) -> None:
    """A run that is created comes, one that changes changes."""
    list_page.evaluate("window.isSame = true")
    run = task_run(filled_api, ledger.running_flow_run, "newcomer", "RUNNING")
    row = rows(list_page).filter(has_text="newcomer")
    expect(row).to_contain_text("Running")
    set_state(filled_api, f"/task_runs/{run}", "COMPLETED")
    look_again(list_page)
    expect(row).to_contain_text("Completed")
    assert list_page.evaluate("window.isSame")


def test_rows_far_down_are_kept_current_too(many_page: Page, many: LiveServer) -> None:
    """Without moving what one looks at."""
    grid = many_page.get_by_role("grid")
    expect(rows(many_page).first).to_be_visible()
    grid.evaluate("x => x.scrollTo(0, 34 * 120)")
    row = many_page.locator('[role=row][aria-rowindex="125"]')
    href = row.get_by_role("link").first.get_attribute("href")
    assert href is not None
    with many.client() as api:
        answer = api.post(f"{href.replace('-', '_', 1)}/set_state", json={"state": {"type": "PAUSED"}, "force": True})
        assert answer.status_code in (200, 201)
    look_again(many_page)
    expect(row).to_contain_text("Paused")
    expect(row.get_by_role("link").first).to_have_attribute("href", href)


@pytest.mark.parametrize("path", ["task-runs", "flow-runs"])
def test_what_is_shown_is_downloaded(page: Page, root: str, path: str, filled_api: httpx.Client) -> None:
    """All runs that the filters ask for, as a table and as JSON."""
    page.goto(f"{root}/{path}?state=COMPLETED")
    wanted = filled_api.post(f"/ui/{path.replace('-', '_')}/count", json={}).json()["COMPLETED"]
    texts = {}
    for name, suffix in (("CSV", "csv"), ("JSON", "ndjson")):
        page.get_by_role("button", name="Download").click()
        with page.expect_download() as waiting:
            page.get_by_role("button", name=name).click()
        assert waiting.value.suggested_filename == f"{path}.{suffix}"
        texts[suffix] = Path(waiting.value.path()).read_text()
        page.keyboard.press("Escape")
    by_csv = {x["id"] for x in csv.DictReader(io.StringIO(texts["csv"]))}
    by_json = {json.loads(x)["id"] for x in texts["ndjson"].splitlines()}
    assert len(by_csv) == wanted
    assert by_csv == by_json


def test_a_run_that_is_gone_leaves_the_list(list_page: Page, filled_api: httpx.Client, ledger: SmallLedger) -> None:
    run = task_run(filled_api, ledger.running_flow_run, "short-lived", "RUNNING")
    look_again(list_page)
    row = rows(list_page).filter(has_text="short-lived")
    expect(row).to_be_visible()
    assert filled_api.delete(f"/task_runs/{run}").status_code == 204
    look_again(list_page)
    expect(row).to_have_count(0)


def test_a_narrow_screen_has_two_lines_a_row(root: str, open_page: OpenPage) -> None:
    """Nothing runs over the edge, and the filters fold."""
    page = open_page(f"{root}/task-runs", viewport={"width": 390, "height": 800})
    expect(rows(page).first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.get_by_label("Name contains")).to_be_hidden()
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Name contains").fill("total")
    expect(rows(page)).to_have_count(1)


def test_the_number_of_runs_is_told(list_page: Page, filled_api: httpx.Client) -> None:
    number = filled_api.post("/task_runs/count", json={}).json()
    expect(total(list_page)).to_have_text(f"{number} task runs")
