"""The timeline of a flow run: its task runs as bars, page after page, and again those that have changed since."""

import base64
from datetime import timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, HTTPException, Query

from interlock.api.context import ContextDep
from interlock.api.errors import json_response
from interlock.api.schemas.base import Id, Timestamp
from interlock.api.schemas.timelines import TimelineAnswer, encode_bar
from interlock.api.wire_route import WireRoute
from interlock.storage.queries import timeline
from interlock.storage.queries.timeline import TaskKeys

router = APIRouter(prefix="/flow_runs", tags=["Flow Runs"], route_class=WireRoute)

MOST_BARS = 1000

SLACK = timedelta(seconds=10)
"""What takes longer from its decision to its commit would be missed by who asks for changes."""


@router.get("/{id:uuid}/timeline", response_model=TimelineAnswer)
async def read_timeline(
    id: Id,
    context: ContextDep,
    limit: Annotated[int, Query(ge=1, le=MOST_BARS)] = MOST_BARS,
    cursor: Annotated[str | None, Query(description="The `next_cursor` of the last answer.")] = None,
    changed_since: Annotated[
        Timestamp | None, Query(description="Only what was created or has changed since; the `as_of` of an answer.")
    ] = None,
) -> Any:
    """The task runs of a flow run as bars on a timeline, in no order that means anything."""
    as_of = context.clock() - SLACK
    found = await context.store.read(timeline.bars, id, limit, _keys(cursor), changed_since)
    if found is None:
        raise HTTPException(404, "Flow run not found")
    items = [encode_bar(x) for x in found.items]
    return json_response({"items": items, "next_cursor": _text(found.end), "as_of": as_of})


def _text(keys: TaskKeys | None) -> str | None:
    return None if keys is None else base64.urlsafe_b64encode(msgspec.json.encode(keys)).decode()


def _keys(cursor: str | None) -> TaskKeys | None:
    """Where the last page ended; raises 422 where no answer had this cursor."""
    if cursor is None:
        return None
    try:
        keys: TaskKeys = msgspec.json.decode(base64.b64decode(cursor, b"-_", validate=True), type=TaskKeys)
    except ValueError as error:
        raise HTTPException(422, "Invalid cursor: it is not one that was answered here.") from error
    return keys
