"""Makes the pictures of the page in docs/pictures: `./run screenshots`.

What lives here: which pictures there are, and the ledger that they show. What does not: the page (web/).
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx
from playwright.sync_api import Browser, sync_playwright

from tests.page.ledger import SmallLedger, fill
from tests.ports import free_port

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
RUNS = 20_000
WIDE = (1200, 760)
SMALLER = (1120, 700)
PHONE = (390, 780)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


@dataclass
class Picture:
    name: str
    path: str
    size: tuple[int, int] = WIDE
    is_dark: bool = False


def pictures(ledger: SmallLedger, flow_run: str) -> list[Picture]:
    """All of them. `flow_run` is one with many task runs."""
    waiting = ledger.task_runs["waiter"]
    return [
        Picture("now", "/"),
        Picture("now-dark", "/", is_dark=True),
        Picture("now-phone", "/", PHONE),
        Picture("task-runs", "/task-runs?state=FAILED&state=CRASHED"),
        Picture("task-runs-phone", "/task-runs", PHONE, is_dark=True),
        Picture("flow-run", f"/flow-runs/{flow_run}", SMALLER),
        Picture("flow-run-dark", f"/flow-runs/{flow_run}", SMALLER, is_dark=True),
        Picture("task-run", f"/task-runs/{waiting}"),
        Picture("limits", "/limits"),
    ]


@contextmanager
def served(folder: str) -> Iterator[str]:
    """The root of a server on a ledger of made-up runs."""
    database = f"sqlite:///{folder}/ledger.db"
    command = [sys.executable, "-m", "interlock"]
    subprocess.run([*command, "demo", "--database-url", database, "--runs", str(RUNS)], check=True)
    port = free_port()
    start = [*command, "server", "start", "--port", str(port), "--database-url", database]
    with subprocess.Popen(start, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield f"http://127.0.0.1:{port}"
        process.terminate()


def take(browser: Browser, root: str, picture: Picture) -> None:
    """One picture, once all that it shows has come."""
    width, height = picture.size
    scheme: Literal["dark", "light"] = "dark" if picture.is_dark else "light"
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.goto(root + picture.path)
    page.wait_for_load_state("networkidle")
    path = PICTURES / f"{picture.name}.png"
    page.screenshot(path=path)
    page.close()
    print(f"{path}: {path.stat().st_size // 1000} kB")


def largest_flow_run(api: httpx.Client) -> str:
    """One of the demo's that has ended, with more task runs than most."""
    asked = {"flows": {"name": {"any_": ["backfill-history"]}}, "flow_runs": {"state": {"type": {"any_": ["FAILED"]}}}}
    found = api.post("/flow_runs/filter", json={**asked, "limit": 1}).json()
    return str(found[0]["id"])


def main() -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("The pictures are taken with Chromium (apt-get install chromium).")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, served(folder) as root, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        with httpx.Client(base_url=f"{root}/api", timeout=30) as api:
            ledger, flow_run = fill(api), largest_flow_run(api)
        for picture in pictures(ledger, flow_run):
            take(browser, root, picture)
        browser.close()


if __name__ == "__main__":
    main()
