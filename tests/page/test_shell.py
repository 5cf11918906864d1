"""What stands around every page."""

import pytest
from playwright.sync_api import Page, expect

from tests.page.axe import violations
from tests.page.conftest import Faults, OpenPage

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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_is_wrong_with_the_pages_for_who_can_not_see_them(
    root: str, open_page: OpenPage, scheme: str, width: int
) -> None:
    """axe finds no violation on any page, and nothing runs over the edge of a narrow screen."""
    page = open_page(root, viewport={"width": width, "height": 844}, color_scheme=scheme)
    for path in SECTIONS.values():
        page.goto(root + path)
        page.wait_for_load_state("networkidle")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_a_path_that_is_none_says_so(page: Page, root: str) -> None:
    page.evaluate("history.pushState(null, '', '/nowhere'); dispatchEvent(new PopStateEvent('popstate'))")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
    assert violations(page) == []


def test_the_first_stop_skips_the_navigation(page: Page) -> None:
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the page")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    skip.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_back_and_forth_lead_through_the_pages(page: Page, root: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name="Limits").click()
    page.get_by_role("navigation").get_by_role("link", name="Task runs").click()
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Limits")
    page.go_forward()
    expect(page.get_by_role("heading", level=1)).to_have_text("Task runs")
    assert page.title() == "Task runs – Interlock"


def test_the_theme_is_chosen_and_kept(page: Page) -> None:
    """As the system, light, dark, and round again."""
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    button = page.get_by_role("button", name="Colours")
    button.click()
    button.click()
    expect(button).to_have_accessible_name("Colours: dark. Change")
    dark = page.evaluate(background)
    assert dark != light
    page.reload()
    assert page.evaluate(background) == dark
    button.click()
    assert page.evaluate(background) == light
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(background) == dark


def test_the_page_is_shut_to_all_from_elsewhere(page: Page, faults: Faults) -> None:
    """The browser itself refuses a script in the text and a request to another server."""
    faults.expected.append("Content Security Policy")
    faults.expected.append("content security policy")
    refused = page.evaluate("fetch('http://127.0.0.2:9/').then(() => 'asked', () => 'refused')")
    assert refused == "refused"
    page.evaluate(
        "const x = document.createElement('script'); x.textContent = 'window.ran = 1'; document.body.append(x)"
    )
    assert page.evaluate("window.ran") is None
    assert any(x.startswith("Connecting to 'http://127.0.0.2:9/'") for x in faults.seen)
    assert any(x.startswith("Executing inline script") for x in faults.seen)
