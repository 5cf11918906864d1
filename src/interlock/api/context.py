"""What handlers work with: the batcher for writes, the reader of the store, the task queue, the tails of events and of
log lines (by their ids), what the services did, the clock and the settings.

What lives here: the bundle and the FastAPI dependency that hands it out. What does not: how it is put together
(server.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, cast

from fastapi import Depends, Request

from interlock.engine.batcher import Batcher
from interlock.engine.overload import Overload
from interlock.engine.reader import Reader
from interlock.engine.services import Tally
from interlock.engine.tail import Tail
from interlock.engine.task_queue import TaskQueue
from interlock.orchestration.events import Event
from interlock.orchestration.facts import Chance
from interlock.settings import Settings


@dataclass(frozen=True)
class Context:
    """Everything outside a request that a handler may use."""

    batcher: Batcher
    store: Reader
    task_queue: TaskQueue
    events: Tail[Event]
    logs: Tail[str]
    overload: Overload
    services: Tally
    clock: Callable[[], datetime]
    chance: Chance
    settings: Settings


async def context_of(request: Request) -> Context:
    """The context of the application that serves this request."""
    return cast("Context", request.app.state.context)


ContextDep = Annotated[Context, Depends(context_of)]

ApiVersion = tuple[int, int, int]


async def api_version_of(request: Request) -> ApiVersion | None:
    """The API version that the caller named, None where it named none (front.py has checked it)."""
    return cast("ApiVersion | None", request.scope.get("api_version"))


ApiVersionDep = Annotated[ApiVersion | None, Depends(api_version_of)]
