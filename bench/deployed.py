"""The deployments that are measured on: a work pool of ten queues, deployments with hourly schedules, and their runs.

What lives here: plain records, the same for both servers. What does not: how they are stored (fill_deployments.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

POOL = "bench"
QUEUES = 10
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def made_id(kind: int, number: int) -> str:
    """The id of a record: the kind keeps those of different tables apart."""
    return f"{kind:08x}-0000-4000-8000-{number:012x}"


FLOW_ID, POOL_ID = made_id(1, 0), made_id(2, 0)


@dataclass(frozen=True, slots=True)
class Deployments:
    """So many deployments, made at `base`, each with so many runs that wait: one an hour, all spread evenly over the
    hour. Without any runs, their schedules are active and are to make them. All are hourly intervals, or `mixed`: a
    quarter each of hourly and daily intervals, hourly cron lines and daily rules."""

    base: datetime
    count: int
    runs_each: int
    mixed: bool = False

    def queue_ids(self) -> list[str]:
        return [made_id(3, number) for number in range(QUEUES)]

    def deployment_id(self, number: int) -> str:
        return made_id(4, number)

    def ids(self) -> list[str]:
        return [self.deployment_id(number) for number in range(self.count)]

    def queue_of(self, number: int) -> int:
        return number % QUEUES

    def anchor(self, number: int) -> datetime:
        """When its schedule begins."""
        return self.base + HOUR * number / self.count

    def schedule(self, number: int) -> dict[str, Any]:
        """Its schedule, as it is on the wire."""
        anchor = self.anchor(number)
        match number % 4 if self.mixed else 0:
            case 1:
                return {"cron": f"{anchor.minute} * * * *", "timezone": "UTC", "day_or": True}
            case 2:
                return _interval(DAY, anchor)
            case 3:
                return {"rrule": f"DTSTART:{anchor:%Y%m%dT%H%M%S}\nRRULE:FREQ=DAILY", "timezone": "UTC"}
            case _:
                return _interval(HOUR, anchor)

    def runs(self, number: int) -> Iterator[tuple[str, str, datetime]]:
        """A deployment's runs: the id, that of the state, and the time."""
        for turn in range(self.runs_each):
            serial = number * self.runs_each + turn
            yield made_id(6, serial), made_id(7, serial), self.anchor(number) + turn * HOUR


def queue_name(number: int) -> str:
    return f"queue-{number}"


def _interval(interval: timedelta, anchor: datetime) -> dict[str, Any]:
    return {"interval": interval.total_seconds(), "anchor_date": anchor.isoformat(), "timezone": "UTC"}
