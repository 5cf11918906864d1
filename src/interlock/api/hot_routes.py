"""The few routes that nearly all traffic goes through, without a framework between the socket and the handler.

What lives here: which requests are hot, reading their body, and answering. What does not: what the handlers do
(task_runs.py, flow_runs.py): the same functions are registered with FastAPI, which documents them and would serve
them alike, only slower.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from pydantic import BaseModel, ValidationError
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from interlock.api.bodies import read_body, replay
from interlock.api.client_lines import agent_of
from interlock.api.context import ApiVersion, Context
from interlock.api.errors import response_for, unforeseen

_PATH = re.compile(
    r"/api/(task_runs|flow_runs)/(?:([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})(/set_state)?)?"
)


class HotRequest(msgspec.Struct, frozen=True):
    """What a hot handler gets: the id in the path, if any, the validated body, if any, and the caller's API version and
    how it calls itself."""

    run_id: str | None
    body: Any
    api_version: ApiVersion | None
    agent: str = ""


HotHandler = Callable[[Context, HotRequest], Awaitable[Response]]


class HotRoute(msgspec.Struct, frozen=True):
    """A handler and the model of its body, None where it takes none."""

    handler: HotHandler
    body: type[BaseModel] | None = None


Key = tuple[str, str, bool, bool]
"""Method, collection, whether an id follows, whether `/set_state` follows that."""


class HotRoutes:
    """An ASGI application that serves the hot routes itself and hands everything else to `app`."""

    def __init__(self, app: ASGIApp, context: Context, routes: dict[Key, HotRoute]) -> None:
        self._app = app
        self._context = context
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._find(scope) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
        else:
            await self._serve(*found, scope, receive, send)

    def _find(self, scope: Scope) -> tuple[HotRoute, str | None] | None:
        match = _PATH.fullmatch(scope["path"])
        if match is None:
            return None
        collection, run_id, set_state = match.groups()
        route = self._routes.get((scope["method"], collection, run_id is not None, set_state is not None))
        return None if route is None else (route, run_id.lower() if run_id else None)

    async def _serve(self, route: HotRoute, run_id: str | None, scope: Scope, receive: Receive, send: Send) -> None:
        body = None
        if route.body is not None:
            raw = await read_body(receive) or b""
            try:
                body = route.body.model_validate_json(raw)
            except ValidationError:
                # The ordinary route finds the same faults and words the answer.
                await self._app(scope, replay(raw, receive), send)
                return
        try:
            request = HotRequest(run_id, body, scope.get("api_version"), agent_of(scope))
            response = await route.handler(self._context, request)
        except Exception as error:
            response = response_for(error) or unforeseen(error)
        await response(scope, receive, send)
