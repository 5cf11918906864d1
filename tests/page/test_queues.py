"""The page of queues, and that of settings."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from interlock import __version__
from tests.api.records import made, new_task_run
from tests.page.axe import faults_in_all_looks
from tests.page.conftest import OpenPage, served


def test_what_waits_for_task_workers_is_told_and_grows_by_itself(
    page: Page, root: str, filled_api: httpx.Client
) -> None:
    page.goto(f"{root}/queues")
    row = page.get_by_role("region", name="Background tasks").get_by_role("row").filter(has_text="letters.send")
    expect(row.get_by_role("cell").nth(1)).to_have_text("1")
    expect(row.get_by_role("cell").last).to_have_text("none")
    new_task_run(filled_api, None, task_key="letters.send", state={"type": "SCHEDULED"})
    later = {"scheduled_time": "2100-01-01T00:00:00Z"}
    new_task_run(filled_api, None, task_key="letters.send", state={"type": "SCHEDULED", "state_details": later})
    expect(row.get_by_role("cell").nth(1)).to_have_text("3")
    expect(row.get_by_role("cell").nth(2)).to_have_text("1")


def test_work_pools_tell_of_their_queues_and_workers(page: Page, root: str, filled_api: httpx.Client) -> None:
    """Their status, what waits in them and for how long, and who serves them; as it changes."""
    page.goto(f"{root}/queues")
    pool = page.get_by_role("region", name="Work pool machines")
    row = pool.get_by_role("row").filter(has_text="default")
    expect(row).to_contain_text("not ready")
    expect(row.get_by_role("cell").nth(2)).to_have_text("1")
    expect(row.get_by_role("cell").last).to_have_text("never")
    expect(pool).to_contain_text("No worker serves it.")
    heartbeat = {"name": "worker-1", "heartbeat_interval_seconds": 30}
    assert filled_api.post("/work_pools/machines/workers/heartbeat", json=heartbeat).status_code == 204
    now = datetime.now(UTC).isoformat()
    made(filled_api, "/work_pools/machines/get_scheduled_flow_runs", {"scheduled_before": now})
    expect(pool).to_contain_text("worker-1 online")
    expect(row).to_contain_text("ready")
    expect(row.get_by_role("cell").last).to_contain_text("ago")


@pytest.mark.parametrize("path", ["/queues", "/settings", "/flows"])
def test_nothing_is_wrong_with_them_for_who_can_not_see_them(page: Page, root: str, path: str) -> None:
    page.goto(root + path)
    expect(page.get_by_role("table").first).to_be_visible()
    expect(page.get_by_text("Loading…")).to_have_count(0)
    assert faults_in_all_looks(page) == []


def test_settings_are_told_without_secrets_and_found_by_name(files: Any, open_page: OpenPage, faults: Any) -> None:
    """With the server's version, its database and the ledger's size."""
    faults.expected = ["401"]
    with served(files, auth_string="admin:secret-word") as server:
        page = open_page(f"{server.url.removesuffix('/api')}/settings")
        page.get_by_role("textbox", name="Password").fill("admin:secret-word")
        page.get_by_role("button", name="Go on").click()
        about = page.get_by_role("region", name="Server")
        expect(about).to_contain_text(__version__)
        expect(about).to_contain_text("SQLite")
        expect(about).to_contain_text("kB")
        page.get_by_role("searchbox", name="Part of a name").fill("auth_str")
        rows = page.get_by_role("row")
        expect(rows).to_have_count(2)
        expect(rows.nth(1)).to_contain_text("INTERLOCK_AUTH_STRING")
        assert "secret-word" not in page.content()
