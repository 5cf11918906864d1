"""What counts as a schedule, and how it is kept."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from interlock.api.schemas.schedules import Schedule

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADAPTER: TypeAdapter[Any] = TypeAdapter(Schedule)


def stored(given: Any) -> dict[str, Any]:
    kept: dict[str, Any] = ADAPTER.validate_python(given).stored(NOW)
    return kept


def complaints(given: Any) -> str:
    with pytest.raises(ValidationError) as error:
        ADAPTER.validate_python(given)
    return str(error.value)


@pytest.mark.parametrize(
    ("interval", "seconds"),
    [(3600, 3600.0), (1.5, 1.5), ("PT1H", 3600.0), ("1 day", 86400.0), ("01:00:00", 3600.0), (0.0001, 0.0001)],
)
def test_an_interval_is_kept_in_seconds(interval: Any, seconds: float) -> None:
    """It may be given as a number of seconds or in the ways that ISO 8601 and clocks have."""
    assert stored({"interval": interval})["interval"] == seconds


@pytest.mark.parametrize(
    ("given", "anchor", "timezone"),
    [
        ({}, "2026-03-01T12:00:00+00:00", "UTC"),
        ({"anchor_date": None, "timezone": None}, "2026-03-01T12:00:00+00:00", "UTC"),
        ({"anchor_date": "2020-01-01"}, "2020-01-01T00:00:00+00:00", "UTC"),
        ({"anchor_date": "2020-01-01T00:00:00-05:00"}, "2020-01-01T00:00:00-05:00", "UTC"),
        ({"timezone": "America/New_York"}, "2026-03-01T12:00:00+00:00", "America/New_York"),
        ({"timezone": ""}, "2026-03-01T12:00:00+00:00", ""),
    ],
)
def test_an_interval_is_counted_from_its_anchor(given: dict[str, Any], anchor: str, timezone: str) -> None:
    """The anchor keeps its offset and is the time of the request where none is given; the zone is then UTC."""
    assert stored({"interval": 60, **given}) == {"interval": 60.0, "anchor_date": anchor, "timezone": timezone}


@pytest.mark.parametrize("interval", [0, -1, "3600", "soon", None, []])
def test_an_interval_is_more_than_nothing(interval: Any) -> None:
    """And a time span at all."""
    assert "interval" in complaints({"interval": interval})


@pytest.mark.parametrize("cron", ["0 0 * * *", "@daily", "* * * * * *", "0 0 31 2 *", "*/61 * * * *"])
def test_a_cron_line_is_kept_as_it_is(cron: str) -> None:
    """With seconds or as a nickname, too; by default a day of the month or of the week is enough."""
    assert stored({"cron": cron}) == {"cron": cron, "timezone": None, "day_or": True}
    zoned = {"cron": cron, "timezone": "Europe/Berlin", "day_or": False}
    assert stored(zoned) == zoned


@pytest.mark.parametrize(
    ("cron", "reason"),
    [
        ("bad", 'Invalid cron string: "bad"'),
        ("", 'Invalid cron string: ""'),
        (5, 'Invalid cron string: "5"'),
        ("R * * * *", 'Random and Hashed expressions are unsupported, received: "R * * * *"'),
    ],
)
def test_a_cron_line_must_say_when(cron: Any, reason: str) -> None:
    """Random times are not offered."""
    assert reason in complaints({"cron": cron})


@pytest.mark.parametrize("rrule", ["FREQ=DAILY", "DTSTART:20200101T000000\nRRULE:FREQ=DAILY;COUNT=3"])
def test_a_recurrence_rule_is_kept_as_it_is(rrule: str) -> None:
    """In UTC unless it says otherwise."""
    assert stored({"rrule": rrule}) == {"rrule": rrule, "timezone": "UTC"}
    assert stored({"rrule": rrule, "timezone": "Asia/Kolkata"})["timezone"] == "Asia/Kolkata"


@pytest.mark.parametrize(
    ("rrule", "reason"),
    [
        ("FREQ=NOPE", "Invalid RRule string \"FREQ=NOPE\": invalid 'FREQ': NOPE"),
        ("", 'Invalid RRule string "": empty string'),
        ("RDATE:" + ",".join(["20200101T000000Z"] * 500), "Max length is 6500, got"),
    ],
)
def test_a_recurrence_rule_must_be_one(rrule: str, reason: str) -> None:
    """Of bounded length."""
    assert reason in complaints({"rrule": rrule})


@pytest.mark.parametrize("schedule", [{"interval": 60}, {"cron": "* * * * *"}, {"rrule": "FREQ=DAILY"}])
@pytest.mark.parametrize("timezone", ["Nope/Nowhere", "localtime", "Factory"])
def test_a_time_zone_has_an_iana_name(schedule: dict[str, Any], timezone: str) -> None:
    """Names that mean another zone on each machine, or none, are refused."""
    assert f'Invalid timezone: "{timezone}"' in complaints(schedule | {"timezone": timezone})


@pytest.mark.parametrize("given", [{}, [], 5, None, {"interval": 60, "cron": "* * * * *"}, {"interval": 60, "x": 1}])
def test_anything_else_is_no_schedule(given: Any) -> None:
    """Neither are two in one."""
    assert complaints(given)
