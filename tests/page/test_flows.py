"""The page of flows."""

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.api.records import new_flow
from tests.page.axe import violations
from tests.page.conftest import OpenPage


def test_a_flow_tells_of_its_last_day_and_its_deployments(page: Page, root: str) -> None:
    page.goto(f"{root}/flows")
    row = page.get_by_role("row").filter(has_text="sums")
    expect(row).to_contain_text("nightly")
    page.get_by_role("button", name="The last day of sums").click()
    expect(page.get_by_text("1 completed")).to_be_visible()
    expect(page.get_by_text("1 failed")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="sums-nightly")).to_contain_text("in the work pool machines")
    assert violations(page) == []
    row.get_by_role("link", name="sums").click()
    expect(page).to_have_url(f"{root}/flow-runs?flow=sums")


def test_flows_are_found_by_a_part_of_their_names_and_shown_in_pages(
    page: Page, root: str, filled_api: httpx.Client
) -> None:
    """What is looked for and where one is is kept in the address."""
    for number in range(60):
        new_flow(filled_api, name=f"many-{number:02}")
    page.goto(f"{root}/flows")
    page.get_by_role("searchbox", name="Part of a flow's name").fill("many-")
    page.get_by_role("button", name="Find").click()
    links = page.get_by_role("table").get_by_role("link")
    expect(links).to_have_count(50)
    expect(page.get_by_text("1 to 50 of 60")).to_be_visible()
    page.get_by_role("button", name="After").click()
    expect(links).to_have_count(10)
    page.reload()
    expect(links.first).to_have_text("many-50")
    page.go_back()
    expect(links.first).to_have_text("many-00")
    page.get_by_role("searchbox", name="Part of a flow's name").fill("none such")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_text("No flow has this in its name.")).to_be_visible()


@pytest.mark.parametrize("path", ["/flows", "/queues", "/settings"])
def test_an_empty_ledger_says_what_would_be_here(open_page: OpenPage, empty_root: str, path: str) -> None:
    page = open_page(empty_root + path, color_scheme="dark", viewport={"width": 390, "height": 800})
    expect(page.get_by_text("Loading…")).to_have_count(0)
    if path == "/flows":
        expect(page.get_by_text("There are no flows yet.")).to_be_visible()
    if path == "/queues":
        expect(page.get_by_text("No task waits for a worker")).to_be_visible()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
