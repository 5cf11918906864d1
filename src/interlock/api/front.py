"""The front door: what every request passes before it is looked at.

What lives here: credentials, the API version, the size of bodies, the split between the API and the rest, and what is
answered when there are too many connections. What does not: routes (hot_routes.py, app.py).
"""

import base64
import hmac

from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from interlock.api.admission import Admission
from interlock.api.bodies import replay
from interlock.api.context import ApiVersion, Context
from interlock.api.errors import json_response, overloaded
from interlock.api.large_bodies import LARGE_BYTES, LargeBodies, TooLargeError
from interlock.api.page import page_response
from interlock.engine.overload import Overload, OverloadedError
from interlock.engine.reader import caller_gone

API_PREFIX = "/api"
MINIMUM_API_VERSION = (0, 8, 0)
OPEN_PATHS = frozenset({"/api/health", "/api/ready"})
UNVERSIONED_PATHS = frozenset({"/api/health", "/api/version"})


class Front:
    """An ASGI application in front of the API's own."""

    def __init__(self, api: ASGIApp, context: Context) -> None:
        self._api = api
        self._admission = Admission(context)
        self._credentials = _accepted_credentials(context.settings.auth_string)
        self._max_body_bytes = context.settings.max_body_bytes
        self._large_bodies = LargeBodies(context.overload, self._max_body_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            # Its client says who it is in its first message (websockets.py).
            scope["root_path"] = API_PREFIX
            await self._api(scope, receive, send)
            return
        if not scope["path"].startswith(f"{API_PREFIX}/"):
            await _elsewhere(scope)(scope, receive, send)
            return
        headers = dict(scope["headers"])
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        # Routes, and the document that lists them, are written without the prefix.
        scope["root_path"] = API_PREFIX
        caller_gone.set(lambda: Request(scope, receive).is_disconnected())
        try:
            await self._admission.wait(scope)
            await self._pass(headers, scope, receive, send)
        except OverloadedError as error:
            await overloaded(error)(scope, receive, send)
        except TooLargeError:
            await self._too_large()(scope, receive, send)
        except ClientDisconnect:
            return

    async def _pass(self, headers: dict[bytes, bytes], scope: Scope, receive: Receive, send: Send) -> None:
        if not _may_be_large(headers):
            await self._api(scope, receive, send)
            return
        async with self._large_bodies.received(receive) as body:
            await self._api(scope, replay(body, receive), send)

    def _refusal(self, scope: Scope, headers: dict[bytes, bytes]) -> Response | None:
        if self._credentials is not None and scope["path"] not in OPEN_PATHS and not self._authorized(headers):
            return json_response({"exception_message": "Unauthorized"}, 401)
        length = headers.get(b"content-length")
        if length is not None and length.isdigit() and int(length) > self._max_body_bytes:
            return self._too_large()
        version = headers.get(b"x-prefect-api-version")
        if version and scope["path"] not in UNVERSIONED_PATHS:
            return _check_version(scope, version.decode("latin-1"))
        return None

    def _too_large(self) -> Response:
        return json_response({"detail": f"The body must not be larger than {self._max_body_bytes} bytes."}, 413)

    def _authorized(self, headers: dict[bytes, bytes]) -> bool:
        given = headers.get(b"authorization", b"")
        return any(hmac.compare_digest(given, x) for x in self._credentials or ())


class Crowded:
    """An ASGI application for the connections that are too many: a request is refused and its connection closed.

    Only who asks whether the server lives is answered by `app`: it does.
    """

    def __init__(self, app: ASGIApp, overload: Overload) -> None:
        self._app = app
        self._overload = overload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        response = overloaded(self._overload.refusal())
        response.headers["Connection"] = "close"
        await response(scope, receive, send)


def _may_be_large(headers: dict[bytes, bytes]) -> bool:
    """Whether the body is too large for its connection's buffer, or does not tell its length."""
    length = headers.get(b"content-length", b"0")
    return b"transfer-encoding" in headers or not length.isdigit() or int(length) > LARGE_BYTES


def _accepted_credentials(auth_string: str | None) -> tuple[bytes, bytes] | None:
    """The two headers that carry the one password: 3.x clients send it as Basic, 2.x ones as Bearer."""
    if not auth_string:
        return None
    return b"Basic " + base64.b64encode(auth_string.encode()), b"Bearer " + auth_string.encode()


def _check_version(scope: Scope, text: str) -> Response | None:
    """Note the caller's API version in the scope; an answer where it is malformed or too old."""
    version = _parse_version(text)
    if version is None:
        detail = f"Invalid X-PREFECT-API-VERSION header format.Expected header in format 'x.y.z' but received {text}"
        return json_response({"detail": detail}, 400)
    if version < MINIMUM_API_VERSION:
        required = ".".join(map(str, MINIMUM_API_VERSION))
        detail = f"The request specified API version {text} but this server requires version {required} or higher."
        return json_response({"detail": detail}, 400)
    scope["api_version"] = version
    return None


def _parse_version(text: str) -> ApiVersion | None:
    parts = text.split(".")
    try:
        major, minor, patch = (int(x) for x in parts)
    except ValueError:
        return None
    return major, minor, patch


def _elsewhere(scope: Scope) -> Response:
    """Outside the API there is the page, and the way to the API's documentation."""
    if scope["path"] == "/docs":
        return RedirectResponse(f"{API_PREFIX}/docs")
    if scope["path"] == "/openapi.json":
        return RedirectResponse(f"{API_PREFIX}/openapi.json")
    return page_response(Request(scope)) or json_response({"detail": "Not Found"}, 404)
