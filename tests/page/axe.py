"""Accessibility of what a page shows, as axe sees it."""

from importlib.resources import files
from itertools import product
from typing import Any

from playwright.sync_api import Page

SCRIPT = files("axe_playwright_python").joinpath("axe.min.js").read_text()

OPTIONS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def violations(page: Page) -> list[str]:
    """What is wrong, and where: `rule: selector`. The script goes around the page's policy, as an extension would."""
    page.evaluate(SCRIPT)
    found: list[dict[str, Any]] = page.evaluate("options => axe.run(options).then(x => x.violations)", OPTIONS)
    return [f"{x['id']}: {node['target']} {node.get('failureSummary', '')}" for x in found for node in x["nodes"]]


def faults_in_all_looks(page: Page) -> list[str]:
    """What is wrong on a wide screen and on a phone, light and dark; and what sticks out of the screen."""
    found = []
    for scheme, width in product(("light", "dark"), (1440, 390)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"{scheme} {width}: {x}" for x in violations(page)]
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            found.append(f"{scheme} {width}: wider than the screen")
    return found
