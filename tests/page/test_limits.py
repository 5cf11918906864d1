"""The page of limits."""

from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.api.records import held_slots, made, new_flow_run, unique
from tests.page.axe import faults_in_all_looks, violations
from tests.page.conftest import OpenPage
from tests.page.ledger import SmallLedger, task_run


@pytest.fixture
def limits(page: Page, root: str) -> Page:
    """The page, with its table there."""
    page.goto(f"{root}/limits")
    expect(page.get_by_role("row").nth(1)).to_be_visible()
    return page


@pytest.fixture
def held(filled_api: httpx.Client, ledger: SmallLedger) -> tuple[str, str]:
    """A tag with a limit of two slots, and a task run that holds one of them."""
    tag = unique("held")
    made(filled_api, "/concurrency_limits/", {"tag": tag, "concurrency_limit": 2})
    flow_run = new_flow_run(filled_api, flow_id=ledger.flow, state={"type": "RUNNING"})["id"]
    return tag, task_run(filled_api, flow_run, "keeper", "RUNNING", tags=[tag])


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("button", name=name, exact=True))


def opened(page: Page, name: str) -> Page:
    page.get_by_role("button", name=name, exact=True).click()
    return page


def slots_of(api: httpx.Client, name: str) -> Any:
    return api.get(f"/v2/concurrency_limits/{name}").json()


def test_who_holds_the_slots_is_told(limits: Page, root: str, ledger: SmallLedger) -> None:
    """Of a tag the task runs, as links; of a name the leases. Which one is looked at is kept in the address."""
    expect(row(limits, "database")).to_contain_text("1 of 1 full")
    expect(row(limits, "mail")).to_contain_text("2 of 3")
    opened(limits, "mail")
    holders = limits.get_by_role("list", name="Holders")
    expect(holders).to_contain_text("somebody who did not say who it is 2 slots by a lease")
    assert limits.url.endswith("?limit=mail")
    opened(limits, "database")
    expect(holders).to_contain_text("Running holder 1 slot by its state")
    limits.reload()
    holders.get_by_role("link", name="holder").click()
    expect(limits).to_have_url(f"{root}/task-runs/{ledger.task_runs['holder']}")


def test_a_limit_is_changed_after_its_consequence_was_told(
    limits: Page, filled_api: httpx.Client, held: tuple[str, str]
) -> None:
    tag, _ = held
    opened(limits, tag).get_by_role("button", name="Change…").click()
    dialog = limits.get_by_role("dialog", name=f"Change the limit tag:{tag}")
    expect(dialog).to_contain_text("1 slot will be free.")
    slots = dialog.get_by_role("spinbutton", name="Slots")
    slots.fill("0")
    expect(dialog).to_contain_text("each task run with the tag is refused")
    slots.fill("7")
    expect(dialog).to_contain_text("6 slots will be free.")
    dialog.get_by_role("button", name="Change it").click()
    expect(dialog).to_have_count(0)
    expect(row(limits, tag)).to_contain_text("1 of 7")
    assert slots_of(filled_api, f"tag:{tag}")["limit"] == 7


def test_a_limit_is_put_out_of_force(limits: Page, filled_api: httpx.Client, held: tuple[str, str]) -> None:
    tag, _ = held
    opened(limits, tag).get_by_role("button", name="Change…").click()
    dialog = limits.get_by_role("dialog")
    dialog.get_by_role("checkbox", name="It is in force").uncheck()
    expect(dialog).to_contain_text("limits nothing")
    dialog.get_by_role("button", name="Change it").click()
    expect(row(limits, tag)).to_contain_text("not active")
    assert slots_of(filled_api, f"tag:{tag}")["active"] is False


def test_the_slots_of_a_tag_are_freed_after_it_was_told_what_that_means(
    limits: Page, filled_api: httpx.Client, held: tuple[str, str]
) -> None:
    tag, holder = held
    opened(limits, tag).get_by_role("button", name="Reset…").click()
    dialog = limits.get_by_role("dialog", name=f"Reset the limit tag:{tag}?")
    expect(dialog).to_contain_text("1 slot comes free at once.")
    dialog.get_by_role("button", name="Leave it").click()
    assert held_slots(filled_api, tag) == [holder]
    limits.get_by_role("button", name="Reset…").click()
    dialog.get_by_role("button", name="Free all its slots").click()
    expect(row(limits, tag)).to_contain_text("0 of 2")
    expect(limits.get_by_text("Nobody holds a slot of it.")).to_be_visible()
    assert held_slots(filled_api, tag) == []


def test_the_slots_of_a_name_are_freed_with_their_leases(limits: Page, filled_api: httpx.Client) -> None:
    name = unique("named")
    made(filled_api, "/v2/concurrency_limits/", {"name": name, "limit": 5})
    made(filled_api, "/v2/concurrency_limits/increment", {"names": [name], "slots": 1, "mode": "concurrency"})
    made(
        filled_api,
        "/v2/concurrency_limits/increment-with-lease",
        {"names": [name], "slots": 2, "mode": "concurrency"},
    )
    expect(row(limits, name)).to_contain_text("3 of 5")
    opened(limits, name)
    expect(limits.get_by_text("1 slot taken by name, by nobody who is known.")).to_be_visible()
    limits.get_by_role("button", name="Reset…").click()
    limits.get_by_role("dialog").get_by_role("button", name="Free all its slots").click()
    expect(row(limits, name)).to_contain_text("0 of 5")
    assert slots_of(filled_api, name)["active_slots"] == 0


@pytest.mark.parametrize(
    ("kind", "full"), [("Task runs with a tag", "tag:{}"), ("Whoever takes slots by its name", "{}")]
)
def test_a_limit_is_made(limits: Page, filled_api: httpx.Client, kind: str, full: str) -> None:
    name = unique("made")
    limits.get_by_role("button", name="New limit…").click()
    dialog = limits.get_by_role("dialog", name="A new limit")
    dialog.get_by_role("radio", name=kind).check()
    expect(dialog.get_by_role("button", name="Create it")).to_be_disabled()
    dialog.get_by_role("textbox").fill(name)
    dialog.get_by_role("spinbutton", name="Slots", exact=True).fill("4")
    if kind.startswith("Whoever"):
        dialog.get_by_role("spinbutton", name="Slots that free themselves").fill("0.5")
    dialog.get_by_role("button", name="Create it").click()
    expect(row(limits, name)).to_contain_text("0 of 4")
    limit = slots_of(filled_api, full.format(name))
    assert (limit["limit"], limit["slot_decay_per_second"]) == (4, 0 if kind.startswith("Task") else 0.5)


def test_what_the_server_objects_to_is_told_and_the_dialog_stays(limits: Page, faults: Any) -> None:
    faults.expected = ["409"]
    limits.get_by_role("button", name="New limit…").click()
    dialog = limits.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("database")
    dialog.get_by_role("button", name="Create it").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    expect(dialog.get_by_role("textbox")).to_have_value("database")


def test_a_limit_is_deleted_after_it_was_asked(limits: Page, filled_api: httpx.Client, held: tuple[str, str]) -> None:
    tag, _ = held
    opened(limits, tag).get_by_role("button", name="Delete…").click()
    dialog = limits.get_by_role("dialog", name=f"Delete the limit tag:{tag}?")
    expect(dialog).to_contain_text("1 slot is taken: their holders go on.")
    dialog.get_by_role("button", name="Delete it").click()
    expect(row(limits, tag)).to_have_count(0)
    assert filled_api.get(f"/v2/concurrency_limits/tag:{tag}").status_code == 404


def test_without_limits_it_says_what_they_are(open_page: OpenPage, empty_root: str) -> None:
    page = open_page(f"{empty_root}/limits")
    expect(page.get_by_text("There are no limits.")).to_be_visible()
    assert violations(page) == []


def test_nothing_is_wrong_with_it_for_who_can_not_see_it(page: Page, root: str) -> None:
    """With a limit opened, and with the dialog of a new one."""
    page.goto(f"{root}/limits?limit=mail")
    expect(page.get_by_role("list", name="Holders")).to_be_visible()
    assert faults_in_all_looks(page) == []
    page.get_by_role("button", name="New limit…").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert faults_in_all_looks(page) == []
