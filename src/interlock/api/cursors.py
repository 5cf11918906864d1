"""Cursors: where a page ended, as a text that the request for the next page brings back.

What lives here: the text, and what is answered with one. What does not: how records are found after a place
(storage/walks.py).

The text is opaque to clients. It holds nothing that the page itself did not, so it is neither signed nor sealed: who
forges one asks for the records after another place, and nothing else.
"""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import msgspec
from fastapi import Body, HTTPException
from sqlalchemy import Table

from interlock.api.schemas.base import Answer, Text
from interlock.api.schemas.sorting import Sort
from interlock.storage.filters import Order
from interlock.storage.types import EPOCH, MICROSECOND
from interlock.storage.walks import Place, can_be_in

T = TypeVar("T")

Cursor = Annotated[
    Text | None,
    Body(description="The `next_cursor` of the last answer, to the same request; null for the first page."),
]
"""The `cursor` of a body, as a handler's parameter; give it the default None."""

_Written = tuple[str, str | int | None, UUID]
"""What is walked in which order, the value of the last record there (times as microseconds since 1970), and its id."""


class PageAnswer(Answer, Generic[T]):
    """A page, and the cursor that leads to the next one: null where this is the last."""

    items: list[T]
    next_cursor: str | None


class Walk(msgspec.Struct, frozen=True):
    """So many records after a place in an order, or from the beginning; `name` tells what is walked in which order."""

    name: str
    order: Order
    limit: int
    after: Place | None

    def answer(self, items: Sequence[Any], end: Place | None) -> dict[str, Any]:
        """The page as it is answered."""
        return {"items": items, "next_cursor": None if end is None else _text(self.name, end)}


def begun(table: Table, sort: Sort, limit: int, cursor: str | None) -> Walk:
    """The walk that a body asks for; raises 422 where its limit leads nowhere or its cursor is none of such a walk."""
    if limit == 0:
        raise HTTPException(422, "Invalid limit: must be greater than or equal to 1.")
    name, order = f"{table.name} {sort.value}", sort.order
    return Walk(name, order, limit, None if cursor is None else _place(cursor, name, table, order))


def _text(name: str, place: Place) -> str:
    value = (place.value - EPOCH) // MICROSECOND if isinstance(place.value, datetime) else place.value
    return base64.urlsafe_b64encode(msgspec.json.encode((name, value, place.id))).decode()


def _place(text: str, name: str, table: Table, order: Order) -> Place:
    try:
        written, value, record_id = msgspec.json.decode(base64.b64decode(text, b"-_", validate=True), type=_Written)
        place = Place(EPOCH + value * MICROSECOND if isinstance(value, int) else value, str(record_id))
    except (ValueError, OverflowError) as error:
        raise HTTPException(422, "Invalid cursor: it is not one that was answered here.") from error
    if written != name:
        raise HTTPException(422, f"Invalid cursor: it leads on in {written}, and this request asks for {name}.")
    if not can_be_in(table, order, place.value):
        raise HTTPException(422, "Invalid cursor: it is not one that was answered here.")
    return place
