"""What a schedule is to make: which of its times become runs by now, which run each becomes, and when to look again.

What lives here: the decision, purely. What does not: the times themselves (schedules.py), the rows (storage/queries/
scheduling.py) and the service (engine/services/scheduler.py).
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from interlock.orchestration.commands import CreateFlowRun
from interlock.orchestration.runs import DEPLOYMENT_LABEL, FLOW_LABEL, FlowRun
from interlock.orchestration.schedules import times, zone_of
from interlock.orchestration.states import Proposal, StateDetails, StateType

AUTO_SCHEDULED = "auto-scheduled"
KINDS = {"interval": "IntervalSchedule", "cron": "CronSchedule", "rrule": "RRuleSchedule"}

TICK = timedelta(microseconds=1)


class Horizon(msgspec.Struct, frozen=True, kw_only=True):
    """How far ahead runs are made: at least `min_runs` and up to `min_time` from now, but no more than `max_runs` and
    none beyond `max_time` from now. A schedule that nobody changes is left alone for `pause` after each look at it."""

    min_runs: int
    max_runs: int
    min_time: timedelta
    max_time: timedelta
    pause: timedelta = timedelta()


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule with what its deployment gives its runs, as the rows have it.

    `schedule` is what schedules.times takes. `made` are the times, in their order, of which runs were made; those that
    are over may be missing. `due` is when the scheduler is to look at it, None where that is never. The JSON values of
    the deployment (`parameters`, `labels`) are decoded.
    """

    id: str
    schedule: dict[str, Any]
    active: bool
    max_scheduled_runs: int | None
    parameters: dict[str, Any]
    slug: str | None
    due: datetime | None
    made: tuple[datetime, ...]
    deployment_id: str
    flow_id: str
    paused: bool
    version: str | None
    work_queue_id: str | None
    work_queue_name: str | None
    deployment_parameters: dict[str, Any]
    infrastructure_document_id: str | None
    tags: tuple[str, ...]
    labels: dict[str, Any]

    @property
    def is_on(self) -> bool:
        """Whether it makes runs."""
        return self.active and not self.paused


class Plan(msgspec.Struct, frozen=True):
    """The times of which runs are to be made, all times of which runs are there then, and when to look again, None
    where that is never, unless something is changed."""

    times: tuple[datetime, ...]
    made: tuple[datetime, ...]
    due: datetime | None


def plan(source: Source, now: datetime, horizon: Horizon) -> Plan:
    """What a schedule is to make now, beside what it made. Raises WrongScheduleError.

    A time is made once: a run that somebody deleted does not come back.
    """
    if not source.is_on:
        return Plan((), (), None)
    there = [x for x in source.made if x >= now]
    start = there[-1] + TICK if there else now
    most = horizon.max_runs if source.max_scheduled_runs is None else min(horizon.max_runs, source.max_scheduled_runs)
    enough_at = now + horizon.min_time
    coming = times(source.schedule, start, now + horizon.max_time)
    new = tuple(_enough(coming, there, horizon.min_runs, most, enough_at))
    made = (*there, *new)
    return Plan(new, made, max(_due(made, most, now, horizon), now + horizon.pause))


def backfill(source: Source, start: datetime, horizon: Horizon) -> tuple[datetime, ...]:
    """What a schedule is to make from `start` on, which may be long ago, whatever it has made before."""
    coming = times(source.schedule, start, start + horizon.max_time)
    return tuple(_enough(coming, [], horizon.min_runs, horizon.max_runs, start + horizon.min_time))


def _enough(
    coming: Iterator[datetime], there: Sequence[datetime], least: int, most: int, enough_at: datetime
) -> Iterator[datetime]:
    """Those that are to be made beside those that are there."""
    number, last = len(there), there[-1] if there else None
    while number < most and not (number >= least and last is not None and last >= enough_at):
        last = next(coming, None)
        if last is None:
            return
        number += 1
        yield last


def _due(made: Sequence[datetime], most: int, now: datetime, horizon: Horizon) -> datetime:
    """When what is made will not be enough any more. A time counts as long as it is not over."""
    least, last = horizon.min_runs, made[-1] if made else now
    if len(made) >= least and last >= now + horizon.min_time:
        return min(last - horizon.min_time, made[-least]) + TICK
    if len(made) >= most > 0:
        return made[0] + TICK
    # There is no more within the horizon, which moves on: what it comes to then has time.
    return now + horizon.max_time / 100


def creation(
    source: Source, time: datetime, now: datetime, new_id: Callable[[], str], new_name: Callable[[], str]
) -> CreateFlowRun:
    """The command that makes the run of a time."""
    run = FlowRun(
        id=new_id(),
        created=now,
        updated=now,
        name=new_name(),
        flow_id=source.flow_id,
        deployment_id=source.deployment_id,
        deployment_version=source.version,
        work_queue_id=source.work_queue_id,
        work_queue_name=source.work_queue_name,
        parameters=_json(source.deployment_parameters | source.parameters),
        idempotency_key=idempotency_key(source, time),
        tags=(AUTO_SCHEDULED, *source.tags),
        labels=_json(source.labels | {FLOW_LABEL: source.flow_id, DEPLOYMENT_LABEL: source.deployment_id}),
        auto_scheduled=True,
        infrastructure_document_id=source.infrastructure_document_id,
        created_by=_json({"id": source.id, "type": "SCHEDULE", "display_value": source.slug or kind(source.schedule)}),
    )
    details = StateDetails(scheduled_time=_local(source, time))
    return CreateFlowRun(
        run=run, proposal=Proposal(type=StateType.SCHEDULED, message="Flow run scheduled", details=details)
    )


def idempotency_key(source: Source, time: datetime) -> str:
    """What makes sure that a run is made once, however often it is asked for.

    Servers of 2.20 have one run of a deployment a time, and those of 3.9.1 one of each schedule, since there schedules
    have parameters. Here a schedule with parameters of its own has its own runs, and others share them: they would be
    alike. Since schedules that are replaced get other ids, a shared key also keeps a run that is about to start from
    being made once more when its deployment is deployed anew.
    """
    owner = f"{source.deployment_id} {source.id}" if source.parameters else source.deployment_id
    return f"scheduled {owner} {_local(source, time).isoformat()}"


def _local(source: Source, time: datetime) -> datetime:
    """The time as clients are told it: in the zone of the schedule."""
    return time.astimezone(zone_of(source.schedule))


def kind(schedule: dict[str, Any]) -> str:
    """What clients call a schedule like this."""
    return next(name for key, name in KINDS.items() if key in schedule)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
