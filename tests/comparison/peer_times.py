"""Tells the times of schedules by a published server's own models. Run by a peer's interpreter: JSON in, JSON out."""

import asyncio
import json
import sys
from datetime import datetime

from prefect.server.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule

KINDS = {"interval": IntervalSchedule, "cron": CronSchedule, "rrule": RRuleSchedule}


async def told(asked: dict) -> list[str]:
    schedule = next(kind for key, kind in KINDS.items() if key in asked["schedule"])(**asked["schedule"])
    start, end = (datetime.fromisoformat(asked[x]) for x in ("start", "end"))
    return [x.isoformat() for x in await schedule.get_dates(asked["most"], start, end)]


async def main() -> None:
    json.dump([await told(x) for x in json.load(sys.stdin)], sys.stdout)


asyncio.run(main())
