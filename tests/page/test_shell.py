"""What stands around every page."""

import pytest
from playwright.sync_api import Page, expect

from tests.page.axe import violations

SECTIONS = {
    "Now": "/",
    "Flow runs": "/flow-runs",
    "Task runs": "/task-runs",
    "Flows": "/flows",
    "Queues": "/queues",
    "Limits": "/limits",
    "Settings": "/settings",
}


@pytest.mark.parametrize("name", SECTIONS)
def test_the_navigation_leads_to_each_page(page: Page, root: str, name: str) -> None:
    """Without a reload, and the page that one is at is marked."""
    page.evaluate("window.isSame = true")
    link = page.get_by_role("navigation").get_by_role("link", name=name, exact=True)
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    assert page.url == root + SECTIONS[name]
    expect(link).to_have_attribute("aria-current", "page")
    assert page.evaluate("window.isSame")


@pytest.mark.parametrize("path", [*SECTIONS.values(), "/nowhere-1/x"])
def test_nothing_is_wrong_with_a_page_for_who_can_not_see_it(page: Page, root: str, path: str) -> None:
    """axe finds no violation on any page, in light and dark."""
    if path in SECTIONS.values():
        page.goto(root + path)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert violations(page) == []
