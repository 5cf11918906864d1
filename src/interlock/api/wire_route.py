"""How bodies are read where FastAPI serves a request.

What lives here: the route class of all routers. What does not: the wording of errors (validation_errors.py), and the
hot routes, which read their bodies themselves (hot_routes.py).
"""

import copy
import json
from collections.abc import Callable, Coroutine, Iterator, Sequence
from email.message import Message
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from interlock.api.errors import too_slow
from interlock.api.schemas.base import has_odd_keys
from interlock.storage.store import SlowQueryError

OBJECT_DUE = frozenset({"dict_type", "model_type", "model_attributes_type"})
"""The kinds of faults of a value that should have been an object."""

MOST_CHARACTERS = 2000
"""How much of a body is told of a query that took too long."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class WireRequest(Request):
    """A request whose body is JSON of a sort that can be written again."""

    async def json(self) -> Any:
        """The body; raises ValueError where it is nested too deeply or holds halves of characters."""
        raw = await self.body()
        try:
            return from_json(raw)
        except ValueError:
            # Where this fails too, its error has the words and the place that clients know.
            value = json.loads(raw)
        return from_json(json.dumps(value, ensure_ascii=False))


class Parameters(dict[str, Any]):
    """The members of a body that several parameters share: null is the same as absent."""

    def get(self, key: str, default: Any = None) -> Any:
        value = super().get(key)
        return default if value is None else value


class ParametersRequest(WireRequest):
    """A request whose body is a set of parameters; null as the whole body is no body."""

    async def body(self) -> bytes:
        raw = await super().body()
        return b"" if raw.strip() == b"null" else raw

    async def json(self) -> Any:
        value = await super().json()
        return Parameters(value) if isinstance(value, dict) else value


class MendedRequest(Request):
    """A request with another body in the place of the one that came."""

    def __init__(self, request: Request, value: Any) -> None:
        super().__init__(request.scope)
        self._value = value

    async def body(self) -> bytes:
        return json.dumps(self._value).encode()

    async def json(self) -> Any:
        return Parameters(self._value) if isinstance(self._value, dict) else self._value


class WireRoute(APIRoute):
    """A route that takes null for an absent parameter, and refuses parameters that are not sent as JSON."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def handle_body(request: Request) -> Response:
            return await _handle(handle, WireRequest(request.scope, request.receive))

        async def handle_parameters(request: Request) -> Response:
            request = ParametersRequest(request.scope, request.receive)
            if not _is_json(request) and (raw := await request.body()):
                missing = [{"type": "missing", "loc": ("body", x)} for x in _parameters(self.dependant)]
                raise RequestValidationError(missing, body=raw.decode(errors="replace"))
            return await _handle(handle, request)

        return handle_parameters if self._embed_body_fields else handle_body


async def _handle(handle: Handler, request: WireRequest) -> Response:
    """Handle a request; a query that takes too long is answered with what it asked for."""
    try:
        return await _handle_mended(handle, request)
    except SlowQueryError:
        body = (await request.body()).decode(errors="replace")
        return too_slow(f"{request.method} {request.url.path} {body[:MOST_CHARACTERS]}".rstrip())


async def _handle_mended(handle: Handler, request: Request) -> Response:
    """Handle a request, once more with lists of pairs made objects where that is what is wrong with it."""
    try:
        return await handle(request)
    except RequestValidationError as error:
        mended = with_pairs_as_objects(error)
        if mended is None:
            raise
        came = error.body
    try:
        return await handle(MendedRequest(request, mended))
    except RequestValidationError as error:
        raise RequestValidationError(error.errors(), body=came) from error


def with_pairs_as_objects(error: RequestValidationError) -> Any:
    """The body with each list of pairs that stands where an object is due as an object, as clients may send it; None
    where there is no such list."""
    body, found = copy.deepcopy(error.body), False
    for fault in error.errors():
        pairs = _as_object(fault) if fault["type"] in OBJECT_DUE else None
        if pairs is not None:
            body = _put(body, fault["loc"][1:], pairs)
            found = True
    return body if found else None


def _as_object(fault: Any) -> dict[str, Any] | None:
    """The pairs as an object: any keys become text, but where they are to name fields."""
    value = fault["input"]
    if fault["type"] != "dict_type" and has_odd_keys(value):
        return None
    if not isinstance(value, list) or not all(isinstance(x, list) and len(x) == 2 for x in value):
        return None
    return {str(key): member for key, member in value}


def _put(body: Any, place: Sequence[int | str], value: Any) -> Any:
    """The body with the value at the place; unchanged where the place is none in it, as it names members of unions."""
    if not place:
        return value
    *parents, last = place
    holder = body
    for key in parents:
        if not isinstance(holder, dict | list):
            return body
        try:
            holder = holder[key]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return body
    if isinstance(holder, dict) and last in holder:
        holder[last] = value
    return body


def _parameters(dependant: Dependant) -> Iterator[str]:
    """The names of all parameters in the body, in the order in which they are looked for."""
    for dependency in dependant.dependencies:
        yield from _parameters(dependency)
    for parameter in dependant.body_params:
        yield parameter.alias


def _is_json(request: Request) -> bool:
    """Whether the body is declared as JSON, which it also is where nothing is declared."""
    declared = request.headers.get("content-type")
    if not declared:
        return True
    message = Message()
    message["content-type"] = declared
    subtype = message.get_content_subtype()
    return message.get_content_maintype() == "application" and (subtype == "json" or subtype.endswith("+json"))
