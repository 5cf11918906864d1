"""Runs that schedules make.

What lives here: which schedules are due, and the runs of a plan together with the note that they are made. What does
not: the plan (orchestration/scheduling.py), and changes of schedules (deployment_schedules.py).
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, Select, bindparam, select

from interlock.orchestration.commands import CreateFlowRun
from interlock.orchestration.decision import FlowDecision
from interlock.orchestration.facts import Chance
from interlock.orchestration.scheduling import Source
from interlock.storage import ledger
from interlock.storage.expressions import among
from interlock.storage.prepared import BulkUpdate
from interlock.storage.queries.locks import lock
from interlock.storage.tables import deployment_schedules as schedules
from interlock.storage.tables import deployments
from interlock.storage.types import EPOCH, MICROSECOND, Keys

_OWN = ("id", "schedule", "active", "max_scheduled_runs", "parameters", "slug", "due")
_OF_DEPLOYMENT = (
    "flow_id",
    "paused",
    "version",
    "work_queue_id",
    "work_queue_name",
    "infrastructure_document_id",
    "labels",
)
_NOTE = BulkUpdate(schedules, ("due", "made"))


class Planned(msgspec.Struct, frozen=True):
    """The runs that a schedule is to make if it still is as it was seen; what it has made by then; and when it is due
    again, None for never. Where `made` is None, only runs are made."""

    source: Source
    creations: tuple[CreateFlowRun, ...]
    made: tuple[datetime, ...] | None = None
    due: datetime | None = None


def due(conn: Connection, now: datetime, limit: int) -> list[Source]:
    """So many schedules that are to be looked at by now, those first that have waited longest."""
    return _sources(conn, _select(schedules.c.due <= now).order_by(schedules.c.due).limit(limit))


def of_deployment(conn: Connection, deployment_id: str) -> list[Source]:
    """The schedules of a deployment."""
    return _sources(conn, _select(schedules.c.deployment_id == deployment_id).order_by(schedules.c.id))


def make(conn: Connection, planned: Sequence[Planned], now: datetime, chance: Chance) -> int:
    """Make the runs of schedules that are as they were seen when they were planned for, and no other: one that was
    changed meanwhile, or whose deployment was, is due anyway. Returns how many runs there are that were not before.

    Raises what keeps any of the runs from being made.
    """
    lock(conn, deployments, deployments.c.id.in_({x.source.deployment_id for x in planned}))
    seen = {x.id: x for x in _sources(conn, _select(_among({x.source.id for x in planned})))}
    current = [x for x in planned if seen.get(x.source.id) == x.source]
    creations = [y for x in current for y in x.creations]
    decisions = ledger.carry_out(conn, creations, lambda: now, chance, 0) if creations else ()
    _note(conn, (x for x in current if x.made is not None))
    return sum(_is_made(x) for x in decisions)


def put_off(conn: Connection, source: Source, due: datetime) -> None:
    """Leave a schedule that can't be served alone until it is due again."""
    _note(conn, [Planned(source, (), source.made, due)])


def _note(conn: Connection, planned: Iterable[Planned]) -> None:
    _NOTE.write(conn, [{"id": x.source.id, "due": x.due, "made": _numbers(x.made or ())} for x in planned])


def _is_made(decision: Any) -> bool:
    if isinstance(decision, Exception):
        raise decision
    assert isinstance(decision, FlowDecision)
    return decision.created


def _among(ids: Collection[str]) -> ColumnElement[bool]:
    return among(schedules.c.id, bindparam(None, list(ids), Keys(schedules.c.id.type)))


def _select(condition: ColumnElement[bool]) -> Select[Any]:
    own = (schedules.c[x] for x in (*_OWN, "made", "deployment_id"))
    given = (deployments.c[x] for x in _OF_DEPLOYMENT)
    more = (deployments.c.tags, deployments.c.parameters.label("deployment_parameters"))
    joined = schedules.join(deployments, deployments.c.id == schedules.c.deployment_id)
    return select(*own, *given, *more).select_from(joined).where(condition)


def _sources(conn: Connection, statement: Select[Any]) -> list[Source]:
    return [_source(row) for row in conn.execute(statement).mappings().all()]


def _source(row: RowMapping) -> Source:
    return Source(**{**row, "tags": tuple(row["tags"]), "made": _times(row["made"] or ())})


def _times(numbers: Iterable[int]) -> tuple[datetime, ...]:
    return tuple(EPOCH + x * MICROSECOND for x in numbers)


def _numbers(made: Iterable[datetime]) -> list[int]:
    return [(x - EPOCH) // MICROSECOND for x in made]
