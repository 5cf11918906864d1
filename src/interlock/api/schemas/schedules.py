"""Schedules on the wire: every so often, by a cron line, or by an iCalendar rule.

What lives here: what counts as a schedule. What does not: when it fires next. The libraries that know are loaded at
their first use: loading them takes a tenth of the server's start.
"""

from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field

from interlock.api.schemas.base import PositiveDuration, StrictBody, Text, Timestamp

MAX_RRULE_LENGTH = 6500
"""Enough for a date a day over more than a year."""


@lru_cache(maxsize=1)
def _timezones() -> frozenset[str]:
    """The names of the IANA database; the list is read from disk, once."""
    return frozenset(available_timezones() - {"Factory", "localtime"})


def _known_timezone(value: str | None) -> str | None:
    if value and value not in _timezones():
        raise ValueError(
            f'Invalid timezone: "{value}" (specify in IANA tzdata format, for example, America/New_York)',
        )
    return value


def _known_rrule_timezone(value: str | None) -> str:
    if value and value not in _timezones():
        raise ValueError(f'Invalid timezone: "{value}"')
    return "UTC" if value is None else value


def _valid_cron(value: str) -> str:
    from croniter import croniter

    if not croniter.is_valid(value):
        raise ValueError(f'Invalid cron string: "{value}"')
    if {"r", "h"} & set(value.casefold().split()):
        raise ValueError(f'Random and Hashed expressions are unsupported, received: "{value}"')
    return value


def _valid_rrule(value: str) -> str:
    from dateutil.rrule import rrulestr

    try:
        rrulestr(value, cache=True)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f'Invalid RRule string "{value}": {error}') from error
    if len(value) > MAX_RRULE_LENGTH:
        message = f'Invalid RRule string "{value[:40]}..."\nMax length is {MAX_RRULE_LENGTH}, got {len(value)}'
        raise ValueError(message)
    return value


class IntervalSchedule(StrictBody):
    """Runs every `interval`, counted from the anchor. Intervals of days keep the hour of the time zone."""

    interval: PositiveDuration = Field(description="In seconds.")
    anchor_date: Timestamp | None = Field(None, description="The time of the request where none is given.")
    timezone: Annotated[Text | None, AfterValidator(_known_timezone)] = Field(None, examples=["America/New_York"])

    def stored(self, now: datetime) -> dict[str, Any]:
        """The schedule as it is kept and answered."""
        return {
            "interval": self.interval.total_seconds(),
            "anchor_date": (self.anchor_date or now).isoformat(),
            "timezone": "UTC" if self.timezone is None else self.timezone,
        }


class CronSchedule(StrictBody):
    """Runs when a cron line says so. `day_or`: a day of the month or of the week is enough, both are not needed."""

    cron: Annotated[Text, AfterValidator(_valid_cron)] = Field(examples=["0 0 * * *"])
    timezone: Annotated[Text | None, AfterValidator(_known_timezone)] = Field(None, examples=["America/New_York"])
    day_or: bool = True

    def stored(self, _now: datetime) -> dict[str, Any]:
        """The schedule as it is kept and answered."""
        return self.model_dump()


class RRuleSchedule(StrictBody):
    """Runs when an iCalendar recurrence rule says so."""

    rrule: Annotated[Text, AfterValidator(_valid_rrule)]
    timezone: Annotated[Text | None, AfterValidator(_known_rrule_timezone)] = Field("UTC", examples=["UTC"])

    def stored(self, _now: datetime) -> dict[str, Any]:
        """The schedule as it is kept and answered."""
        return self.model_dump()


Schedule = Annotated[IntervalSchedule | CronSchedule | RRuleSchedule, Field(union_mode="left_to_right")]
