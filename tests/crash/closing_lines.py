"""The closing lines about the crash campaigns: what each of them was, and how many were not run.

Where several processes share the tests, these lines are written by one that runs none of them, and so has not loaded
the conftest.py of this folder: what it is to write comes to it with the reports of the tests.
"""

import pytest

from tests.crash.campaign import Totals
from tests.crash.disks import ONLY_ROOT


def note_campaign(item: pytest.Item, totals: Totals) -> None:
    """Have the closing lines tell about a campaign. To be called when the test is over, while it is torn down."""
    item.user_properties.append(("campaign", totals.line()))


def write_campaigns(reporter: pytest.TerminalReporter) -> None:
    """A section about campaigns, if there were any."""
    reports = [x for category in reporter.stats.values() for x in category if isinstance(x, pytest.TestReport)]
    lines = [line for report in reports for name, line in report.user_properties if name == "campaign"]
    if left_out := sum(ONLY_ROOT in str(report.longrepr) for report in reports if report.skipped):
        lines.append(f"NOT RUN: {left_out} campaigns, since {ONLY_ROOT}")
    if lines:
        reporter.section("crash campaigns")
    for line in lines:
        reporter.write_line(str(line))
