"""What goes on now: counts, history, what waits, queues."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.api.records import new_flow_run, new_task_run
from tests.page.conftest import OpenPage, look_again
from tests.page.ledger import SmallLedger


def card(page: Page, title: str) -> Locator:
    """The part of the page under a heading that begins with a text."""
    return page.locator("section", has=page.get_by_role("heading", level=2, name=re.compile(f"^{title}")))


def asked(page: Page) -> dict[str, list[str]]:
    """The filters in the address."""
    return parse_qs(urlsplit(page.url).query)


def test_runs_are_counted_by_state_and_lead_to_their_list(page: Page, filled_api: httpx.Client) -> None:
    counts = filled_api.post("/ui/task_runs/count", json={}).json()
    tile = card(page, "Task runs \\d").get_by_role("link", name="Completed")
    expect(tile).to_contain_text(str(counts["COMPLETED"]))
    tile.click()
    expect(page).to_have_url(re.compile(r"/task-runs\?state=COMPLETED$"))
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", str(counts["COMPLETED"] + 1))


def test_counts_keep_themselves_current(page: Page, filled_api: httpx.Client, ledger: SmallLedger) -> None:
    """A run that begins is counted without a reload."""
    tile = card(page, "Flow runs \\d").get_by_role("link", name="Running").locator(".count")
    expect(tile).not_to_be_empty()
    before = int(tile.inner_text())
    page.evaluate("window.isSame = true")
    new_flow_run(filled_api, flow_id=ledger.flow, state={"type": "RUNNING"})
    expect(tile).to_have_text(str(before + 1))
    assert page.evaluate("window.isSame")


def test_what_waits_is_told_with_what_it_waits_for(page: Page, ledger: SmallLedger) -> None:
    """A full limit with who holds it, a pause, a queue without workers, the next that is scheduled."""
    waits = card(page, "What waits")
    limit = waits.get_by_role("listitem").filter(has_text="For a slot of database")
    expect(limit).to_contain_text("1 of 1 slot taken by holder")
    expect(limit).to_contain_text("pending task run")
    expect(limit.get_by_role("link", name="holder")).to_have_attribute(
        "href", f"/task-runs/{ledger.task_runs['holder']}"
    )
    paused = waits.get_by_role("listitem").filter(has_text="somebody to resume")
    expect(paused.get_by_role("link")).to_have_attribute("href", f"/flow-runs/{ledger.paused_flow_run}")
    expect(waits).to_contain_text("background")


def test_queues_show_what_they_hold_and_whether_anybody_serves_them(page: Page) -> None:
    rows = card(page, "Queues").get_by_role("row")
    work = rows.filter(has_text="flow runs of machines").get_by_role("cell")
    expect(work.nth(0)).to_have_text("1")
    expect(work.last).to_have_text("nobody asks")
    task = rows.filter(has_text="letters.send").get_by_role("cell")
    expect(task.nth(0)).to_have_text("1")
    expect(task.last).to_have_text("no worker")


def test_a_span_of_the_history_leads_to_its_runs(page: Page, filled_api: httpx.Client) -> None:
    """By dragging over bars: the list has as many runs as they show."""
    page.get_by_role("button", name="Hour").click()
    assert asked(page) == {"range": ["1h"]}
    over = card(page, "Task runs, by").locator(".u-over")
    expect(over).to_be_visible()
    box = over.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, middle, steps=4)
    page.mouse.move(box["x"] + box["width"] - 1, middle, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"/task-runs\?after=.*&before="))
    after, before = asked(page)["after"][0], asked(page)["before"][0]
    span = {"expected_start_time": {"after_": after, "before_": before}}
    wanted = filled_api.post("/task_runs/count", json={"task_runs": span}).json()
    assert wanted > 0
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", str(wanted + 1))


def test_a_bar_leads_to_its_runs(page: Page) -> None:
    """By a click, here on the last one, which holds the present."""
    over = card(page, "Flow runs, by").locator(".u-over")
    box = over.bounding_box()
    assert box is not None
    over.click(position={"x": box["width"] - 2, "y": 20})
    expect(page).to_have_url(re.compile(r"/flow-runs\?after=.*&before="))
    expect(page.get_by_role("grid")).to_contain_text("daily-sum")


def test_the_history_is_a_table_too(page: Page, filled_api: httpx.Client) -> None:
    """With the numbers of the bars, and the same links."""
    history = card(page, "Task runs, by")
    history.get_by_text("As a table").click()
    header = history.get_by_role("columnheader").all_inner_texts()
    column = [x.strip() for x in header].index("Failed") - 1
    numbers = [row.get_by_role("cell").nth(column).inner_text() for row in history.get_by_role("row").all()[1:]]
    failed = filled_api.post("/ui/task_runs/count", json={}).json()["FAILED"]
    assert sum(int(x or 0) for x in numbers) == failed
    history.get_by_role("rowheader").first.get_by_role("link").click()
    expect(page).to_have_url(re.compile(r"/task-runs\?after="))


def test_the_history_grows(page: Page, filled_api: httpx.Client, ledger: SmallLedger) -> None:
    history = card(page, "Task runs, by")
    history.get_by_text("As a table").click()
    crashed = history.get_by_role("columnheader", name="Crashed")
    expect(history.get_by_role("columnheader").first).to_be_visible()
    expect(crashed).to_have_count(0)
    new_task_run(filled_api, ledger.flow_run, state={"type": "CRASHED"}, name="crashed")
    look_again(page)
    expect(crashed).to_be_visible()


def test_an_empty_ledger_shows_how_to_fill_it(empty_root: str, open_page: OpenPage) -> None:
    """With this server's own address, ready to be pasted."""
    page = open_page(f"{empty_root}/")
    expect(page.get_by_role("heading", name="There is no run yet")).to_be_visible()
    expect(page.get_by_label("Commands", exact=True)).to_contain_text(f"export PREFECT_API_URL={empty_root}/api")
    expect(page.get_by_label("first_flow.py", exact=True)).to_contain_text("@flow")
    for path in ("task-runs", "flow-runs"):
        page.goto(f"{empty_root}/{path}")
        expect(page.get_by_label("Commands", exact=True)).to_contain_text(f"{empty_root}/api")


def test_the_lines_can_be_copied(empty_root: str, open_page: OpenPage) -> None:
    page = open_page(f"{empty_root}/", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy: Commands").click()
    copied: Any = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"pip install prefect\nexport PREFECT_API_URL={empty_root}/api\npython first_flow.py"
