"""Schedules drawn at random fire when the published servers' own models say.

The seed is printed where a test fails. INTERLOCK_TEST_SEED repeats it, INTERLOCK_TEST_REQUESTS asks more.
"""

import json
import os
import subprocess
import time
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

from interlock.orchestration.schedules import times, zone_of
from tests.comparison.peer import NEW_LINE, OLD_LINE, PEERS

pytestmark = pytest.mark.timeout(600)

SCHEDULES = 400
SHOWN = 10
DAY = timedelta(days=1)
FIXED = ("UTC", "Asia/Kolkata")
CHANGING = ("America/New_York", "Europe/Berlin", "Australia/Sydney", "Australia/Lord_Howe")
"""The peers know the rules of these as they are today: their lists of zones are of different years."""

CHANGES = (
    datetime(2025, 3, 9, 7, tzinfo=UTC),
    datetime(2025, 11, 2, 6, tzinfo=UTC),
    datetime(2025, 3, 30, 1, tzinfo=UTC),
    datetime(2025, 10, 26, 1, tzinfo=UTC),
    datetime(2025, 4, 5, 15, tzinfo=UTC),
    datetime(2025, 10, 4, 15, 30, tzinfo=UTC),
)

Asked = dict[str, Any]


def drawn(random: Random, number: int) -> list[Asked]:
    """Schedules, each with when to begin and to end and how many times are wanted."""
    return [_asked(random, random.choice((_interval, _cron, _rule))(random)) for _ in range(number)]


def _asked(random: Random, schedule: dict[str, Any]) -> Asked:
    start = random.choice(CHANGES) + timedelta(minutes=random.randint(-4000, 4000), seconds=random.choice((0, 0, 30.5)))
    end = start + random.choice((DAY, 30 * DAY, 300 * DAY))
    most = random.choice((1, 5, 30))
    return {"schedule": schedule, "start": start.isoformat(), "end": end.isoformat(), "most": most}


def _zone(random: Random) -> str:
    return random.choice((*FIXED, *CHANGING, *CHANGING))


def _interval(random: Random) -> dict[str, Any]:
    """Of whole days, or of less than one."""
    step = random.choice((random.randint(1, 9) * 86_400, random.randint(5, 1439) * 60, random.choice((3600, 900))))
    anchor = random.choice(CHANGES) + timedelta(days=random.randint(-4000, 200), minutes=random.randint(0, 1440))
    return {"interval": step, "anchor_date": anchor.isoformat(), "timezone": _zone(random)}


def _cron(random: Random) -> dict[str, Any]:
    minute, hour = random.choice(("*", "*/10", "0", "30", "17")), random.choice(("*", "0", "1", "2", "3", "9", "*/3"))
    day, weekday = random.choice(("*", "*", "*", "1", "10-20")), random.choice(("*", "*", "0", "1-5"))
    return {"cron": f"{minute} {hour} {day} * {weekday}", "timezone": _zone(random), "day_or": random.random() < 0.7}


def _rule(random: Random) -> dict[str, Any]:
    begin = datetime(2024, 11, 1, tzinfo=UTC) + timedelta(minutes=random.randint(0, 200_000))
    frequency = random.choice(("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"))
    hours = "" if frequency == "HOURLY" else "BYHOUR=1,2"
    parts = [
        f"FREQ={frequency}",
        f"INTERVAL={random.randint(1, 4)}",
        random.choice(("", "BYDAY=MO,FR", hours, "COUNT=300", "UNTIL=20260101T000000", "WKST=SU")),
    ]
    more = random.choice(
        ("", "", f"\nEXDATE:{begin + 7 * DAY:%Y%m%dT%H%M%S}", "\nRDATE:20251102T013000,20250309T023000")
    )
    text = f"DTSTART:{begin:%Y%m%dT%H%M%S}\nRRULE:{';'.join(filter(None, parts))}{more}"
    return {"rrule": text, "timezone": _zone(random)}


def told_by(line: str, asked: list[Asked], home: Path) -> list[list[datetime]]:
    """What a peer of the line answers, all in one process."""
    # -P: modules beside the script are not on the way of those that it asks for.
    command = [PEERS / f"prefect-{line}" / "bin" / "python", "-P", Path(__file__).with_name("peer_times.py")]
    environment = os.environ | {"PREFECT_HOME": str(home)}
    done = subprocess.run(
        command, input=json.dumps(asked), capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return [sorted(datetime.fromisoformat(x).astimezone(UTC) for x in found) for found in json.loads(done.stdout)]


def told_here(asked: Asked) -> list[datetime]:
    """What is told here, but for what a clock that was set back shows for the second time.

    The peers promise both times of an interval, and take the second for the first; with the first behind them they tell
    the second.
    """
    start, end = (datetime.fromisoformat(asked[x]) for x in ("start", "end"))
    schedule = asked["schedule"]
    shown: dict[datetime, datetime] = {}
    for moment in times(schedule, start, end):
        shown.setdefault(moment.astimezone(zone_of(schedule)).replace(tzinfo=None, fold=0), moment)
    return sorted(islice(shown.values(), asked["most"]))


def is_right_in_the_old_line(asked: Asked) -> bool:
    """Whether 2.20 tells what it should: not of days from a distant anchor, nor of clock times that come twice."""
    schedule = asked["schedule"]
    counts_evenly = "interval" in schedule and schedule["interval"] % 86_400
    return "rrule" in schedule or bool(counts_evenly) or schedule["timezone"] in FIXED


@pytest.mark.parametrize("line", [NEW_LINE, OLD_LINE])
def test_schedules_fire_when_the_peer_says(line: str, tmp_path: Path) -> None:
    """All of them in the 3.x line; in the 2.x line those that it tells right."""
    seed = int(os.environ.get("INTERLOCK_TEST_SEED") or time.time_ns() % 1_000_000)
    print(f"INTERLOCK_TEST_SEED={seed}")
    asked = drawn(Random(seed), int(os.environ.get("INTERLOCK_TEST_REQUESTS") or SCHEDULES))
    if line == OLD_LINE:
        asked = [x for x in asked if is_right_in_the_old_line(x)]
    unlike = [(x, there, told_here(x)) for x, there in zip(asked, told_by(line, asked, tmp_path), strict=True)]
    unlike = [x for x in unlike if x[1] != x[2]]
    assert not unlike, "\n".join(_shown(*x) for x in unlike[:SHOWN])


def _shown(asked: Asked, there: list[datetime], here: list[datetime]) -> str:
    missing, more = (sorted(str(x) for x in set(a) - set(b)) for a, b in ((there, here), (here, there)))
    return f"{asked}\n  missing {missing[:5]}\n  more {more[:5]}"
