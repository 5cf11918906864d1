"""The page of one task run."""

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.api.records import held_slots, new_flow_run, new_task_run, set_state
from tests.page.axe import faults_in_all_looks
from tests.page.ledger import SmallLedger, log, task_run


def region(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def at(page: Page, root: str, task_run_id: str) -> Page:
    page.goto(f"{root}/task-runs/{task_run_id}")
    expect(page.get_by_role("heading", level=2, name="States")).to_be_visible()
    return page


def test_it_tells_what_it_depends_on_and_what_depends_on_it(page: Page, root: str, ledger: SmallLedger) -> None:
    """By name, with the state of each, as links there and back."""
    at(page, root, ledger.task_runs["total"])
    expect(page.get_by_role("heading", level=1)).to_have_text("total")
    inputs = region(page, "Inputs").get_by_role("row").nth(1)
    expect(inputs).to_contain_text("parts")
    expect(inputs.get_by_role("link")).to_have_count(12)
    inputs.get_by_role("link", name="extract-3").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("extract-3")
    dependent = region(page, "Inputs").get_by_role("listitem")
    expect(dependent).to_contain_text("total as parts")
    dependent.get_by_role("link", name="total").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("total")


def test_each_state_has_its_time_and_message(page: Page, root: str, ledger: SmallLedger) -> None:
    at(page, root, ledger.task_runs["broken"])
    rows = region(page, "States").get_by_role("row")
    expect(rows).to_have_count(4)
    expect(rows.nth(1)).to_contain_text("Pending")
    expect(rows.nth(2)).to_contain_text("Running")
    expect(rows.nth(3)).to_contain_text("ZeroDivisionError: division by zero")
    expect(page.get_by_role("log")).to_contain_text("ERROR ZeroDivisionError")
    region(page, "About it").get_by_role("link", name="broken-sum").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("broken-sum")


def test_retries_and_the_cache_are_told(page: Page, root: str, filled_api: httpx.Client, ledger: SmallLedger) -> None:
    flow_run = new_flow_run(filled_api, flow_id=ledger.flow, state={"type": "RUNNING"})["id"]
    policy = {"retries": 3, "retry_delay": 90}
    run = task_run(filled_api, flow_run, "retried", "RUNNING", "FAILED", empirical_policy=policy)
    at(page, root, run)
    about = region(page, "About it")
    expect(page.locator(".heading")).to_contain_text("AwaitingRetry")
    expect(about).to_contain_text("3 of 3 left, after 1 m 30 s each")
    set_state(filled_api, f"/task_runs/{run}", "RUNNING", name="Retrying")
    details = {"cache_key": "of-the-day", "cache_expiration": "2100-01-01T00:00:00Z"}
    set_state(filled_api, f"/task_runs/{run}", "COMPLETED", state_details=details)
    expect(about).to_contain_text("of-the-day")
    again = task_run(filled_api, flow_run, "spared")
    set_state(filled_api, f"/task_runs/{again}", "RUNNING", state_details=details)
    at(page, root, again)
    expect(about).to_contain_text("its state was taken from the cache")


def test_why_it_waits_is_told_and_who_has_what_it_waits_for(page: Page, root: str, ledger: SmallLedger) -> None:
    """The rule and its reason, by a preview of its start; the slot is at the page of the holder, and of the limit."""
    at(page, root, ledger.task_runs["waiter"])
    why = region(page, "If it were to start now")
    expect(why).to_contain_text("be told to wait 30 seconds")
    expect(why).to_contain_text("Concurrency limit for the database tag has been reached")
    expect(why).to_contain_text("secure_task_concurrency_slots")
    expect(region(page, "States")).to_contain_text("It holds no slot of any limit.")
    at(page, root, ledger.task_runs["holder"])
    expect(why).to_have_count(0)
    region(page, "States").get_by_role("link", name="tag:database").click()
    expect(page.get_by_role("list", name="Holders")).to_contain_text("holder")


def test_a_background_run_tells_that_it_waits_for_a_worker(page: Page, root: str, ledger: SmallLedger) -> None:
    at(page, root, ledger.task_runs["background"])
    expect(region(page, "About it")).to_contain_text("none: it is a background run")
    expect(page.locator(".heading")).to_contain_text("Scheduled")


def test_a_state_is_set_after_its_consequences_were_shown(
    page: Page, root: str, filled_api: httpx.Client, ledger: SmallLedger
) -> None:
    """By keyboard alone."""
    flow_run = new_flow_run(filled_api, flow_id=ledger.flow, state={"type": "RUNNING"})["id"]
    filled_api.post("/concurrency_limits/", json={"tag": "one", "concurrency_limit": 1})
    run = task_run(filled_api, flow_run, "chosen", "RUNNING", tags=["one"])
    at(page, root, run)
    button = page.get_by_role("button", name="Set state…")
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Set the state of chosen")
    expect(dialog.get_by_role("combobox")).to_be_focused()
    page.keyboard.type("Failed")
    expect(dialog).to_contain_text("The run would go to Failed")
    expect(dialog).to_contain_text("It gives its slot of the limit tag:one back.")
    page.keyboard.press("Tab")
    page.keyboard.type("not good")
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(button).to_be_focused()
    expect(page.locator(".heading")).to_contain_text("Failed")
    expect(page.get_by_text("not good").first).to_be_visible()
    assert held_slots(filled_api, "one") == []


def test_a_preview_alone_changes_nothing(page: Page, root: str, filled_api: httpx.Client, ledger: SmallLedger) -> None:
    flow_run = new_flow_run(filled_api, flow_id=ledger.flow, state={"type": "RUNNING"})["id"]
    run = task_run(filled_api, flow_run, "untouched", "RUNNING")
    before = filled_api.get(f"/task_runs/{run}").json()
    at(page, root, run)
    page.get_by_role("button", name="Set state…").click()
    dialog = page.get_by_role("dialog")
    for name in ("Failed", "Crashed", "Paused", "Completed"):
        dialog.get_by_role("combobox").select_option(name)
        expect(dialog).to_contain_text(f"The run would go to {name}")
    dialog.get_by_role("button", name="Leave it").click()
    expect(dialog).to_have_count(0)
    after = filled_api.get(f"/task_runs/{run}").json()
    assert (after["state_id"], after["updated"]) == (before["state_id"], before["updated"])


def test_it_is_deleted_after_it_was_told_what_goes_with_it(
    page: Page, root: str, filled_api: httpx.Client, ledger: SmallLedger
) -> None:
    """The page of its flow run is next."""
    flow_run = new_flow_run(filled_api, flow_id=ledger.flow, state={"type": "RUNNING"})["id"]
    filled_api.post("/concurrency_limits/", json={"tag": "two", "concurrency_limit": 1})
    run = task_run(filled_api, flow_run, "unwanted", "RUNNING", tags=["two"])
    new_task_run(filled_api, flow_run, task_inputs={"x": [{"input_type": "task_run", "id": run}]})
    at(page, root, run)
    page.get_by_role("button", name="Delete…").click()
    dialog = page.get_by_role("dialog", name="Delete unwanted?")
    expect(dialog).to_contain_text("Its slots come free: tag:two.")
    expect(dialog).to_contain_text("1 task run that was given its result stays as it is.")
    dialog.get_by_role("button", name="Delete it").click()
    expect(page).to_have_url(f"{root}/flow-runs/{flow_run}")
    assert filled_api.get(f"/task_runs/{run}").status_code == 404
    assert held_slots(filled_api, "two") == []


def test_it_keeps_itself_current(page: Page, root: str, filled_api: httpx.Client, ledger: SmallLedger) -> None:
    flow_run = new_flow_run(filled_api, flow_id=ledger.flow, state={"type": "RUNNING"})["id"]
    run = task_run(filled_api, flow_run, "moving")
    at(page, root, run)
    expect(page.locator(".heading")).to_contain_text("Pending")
    set_state(filled_api, f"/task_runs/{run}", "RUNNING")
    log(filled_api, flow_run, run, "on its way")
    expect(page.locator(".heading")).to_contain_text("Running")
    expect(page.get_by_role("log")).to_contain_text("on its way")
    set_state(filled_api, f"/task_runs/{run}", "COMPLETED")
    expect(page.locator(".heading")).to_contain_text("Completed")
    expect(region(page, "States").get_by_role("row")).to_have_count(4)


@pytest.mark.parametrize("name", ["total", "waiter"])
def test_nothing_is_wrong_with_it_for_who_can_not_see_it(page: Page, root: str, ledger: SmallLedger, name: str) -> None:
    at(page, root, ledger.task_runs[name])
    expect(page.get_by_role("heading", name="Depend on it")).to_be_visible()
    assert faults_in_all_looks(page) == []
