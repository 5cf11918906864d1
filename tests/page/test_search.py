"""The search box and the keys."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.page.axe import violations
from tests.page.conftest import Faults
from tests.page.ledger import SmallLedger

NOWHERE = "00000000-0000-0000-0000-00000000dead"


@pytest.mark.parametrize("kind", ["flow-runs", "task-runs"])
def test_an_id_leads_to_its_run(page: Page, ledger: SmallLedger, faults: Faults, kind: str) -> None:
    """Whichever kind it is of; Enter need not wait for the list."""
    faults.expected.append("404")
    run = ledger.flow_run if kind == "flow-runs" else ledger.task_runs["total"]
    box = page.get_by_role("combobox", name="Search")
    box.fill(run)
    box.press("Enter")
    expect(page).to_have_url(re.compile(f"/{kind}/{run}$"))


def test_an_id_of_nothing_says_so(page: Page, faults: Faults) -> None:
    faults.expected.append("404")
    box = page.get_by_role("combobox", name="Search")
    box.fill(NOWHERE)
    expect(page.get_by_text("Nothing has this id.")).to_be_visible()


def test_a_name_is_found(page: Page, ledger: SmallLedger) -> None:
    """A flow run's own page; the list where only a part is known."""
    box = page.get_by_role("combobox", name="Search")
    box.fill("daily-sum")
    expect(page.get_by_role("option").first).to_have_text("Flow run daily-sum")
    box.press("Enter")
    expect(page).to_have_url(re.compile(f"/flow-runs/{ledger.flow_run}$"))
    box.fill("extract")
    page.get_by_role("option", name="Task runs whose name contains extract").click()
    expect(page).to_have_url(re.compile(r"/task-runs\?name=extract$"))


def test_a_tag_is_found(page: Page) -> None:
    box = page.get_by_role("combobox", name="Search")
    box.fill("incident")
    expect(page.get_by_role("option").first).to_have_text("Task runs tagged incident")
    box.press("Enter")
    expect(page).to_have_url(re.compile(r"/task-runs\?tag=incident$"))


def test_the_list_of_what_is_found_goes_by_keyboard(page: Page) -> None:
    box = page.get_by_role("combobox", name="Search")
    box.fill("nightly")
    expect(page.get_by_role("option").first).to_be_visible()
    box.press("ArrowDown")
    expect(page.get_by_role("option").nth(1)).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", "hit-1")
    assert violations(page) == []
    box.press("Escape")
    expect(page.get_by_role("option")).to_have_count(0)


@pytest.mark.parametrize(
    ("keys", "title"),
    [("gf", "Flow runs"), ("gt", "Task runs"), ("go", "Flows"), ("gq", "Queues"), ("gl", "Limits"), ("gs", "Settings")],
)
def test_keys_lead_to_the_pages(page: Page, keys: str, title: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Now")
    for key in keys:
        page.keyboard.press(key)
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    page.keyboard.press("g")
    page.keyboard.press("n")
    expect(page.get_by_role("heading", level=1)).to_have_text("Now")


def test_a_key_leads_to_the_search_box_where_keys_are_letters(page: Page) -> None:
    page.keyboard.press("/")
    box = page.get_by_role("combobox", name="Search")
    expect(box).to_be_focused()
    page.keyboard.type("gt?")
    expect(box).to_have_value("gt?")
    expect(page.get_by_role("heading", level=1)).to_have_text("Now")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_keys_are_listed(page: Page) -> None:
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("Search")
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
