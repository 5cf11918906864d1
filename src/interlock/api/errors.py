"""Errors on the wire: one answer for each kind of failure, in the shapes that clients know.

What lives here: exceptions to responses. What does not: the wording of validation errors (validation_errors.py).
"""

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import IntegrityError
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interlock.api.schemas.base import json_bytes
from interlock.api.validation_errors import wire_errors
from interlock.engine.overload import OverloadedError
from interlock.engine.reader import CallerGoneError
from interlock.orchestration.refusals import ConflictError, NotFoundError, Refusal, UnstorableError
from interlock.storage.store import SlowQueryError, StoreUnavailableError

log = structlog.get_logger("interlock.api")

CONFLICT = (
    "Data integrity conflict. This usually means a unique or foreign key constraint was violated. "
    "See server logs for details."
)
CONFLICTS = (ConflictError, IntegrityError)
"""What a write raises that would break a constraint."""

RETRY_AFTER_SECONDS = 1
SLOW_RETRY_AFTER_SECONDS = 30


def json_response(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer with a JSON body."""
    return Response(json_bytes(content), status, headers, media_type="application/json")


def validation_response(errors: list[Any], body: Any) -> Response:
    """422: what is wrong with the request, where, and the request itself."""
    return json_response(
        {"exception_message": "Invalid request received.", "exception_detail": errors, "request_body": body}, 422
    )


def response_for(error: Exception) -> Response | None:
    """The answer for an error that handlers let through, None for one that nobody foresaw."""
    match error:
        case NotFoundError():
            return json_response({"exception_message": str(error)}, 404)
        case ConflictError() | IntegrityError():
            log.info("conflict", reason=str(error))
            return json_response({"detail": CONFLICT}, 409)
        case UnstorableError():
            return json_response({"detail": f"The request holds what the database can't store: {error}."}, 422)
        case OverloadedError():
            return overloaded(error)
        case CallerGoneError():
            return _try_again("the caller did not wait", RETRY_AFTER_SECONDS)
        case SlowQueryError():
            return too_slow("")
        case StoreUnavailableError():
            return _try_again("the database is not available, try again", RETRY_AFTER_SECONDS)
    return None


def overloaded(error: OverloadedError) -> Response:
    """503, with the time after which to try again."""
    return _try_again("the server has more to do than it can, try again", error.retry_after)


def too_slow(what: str) -> Response:
    """503, with what was asked for. To ask for the same again would take as long."""
    detail = "the query took longer than any may here, and was ended; ask for less"
    return _try_again(f"{detail}: {what}" if what else detail, SLOW_RETRY_AFTER_SECONDS)


def _try_again(message: str, seconds: int) -> Response:
    return json_response(
        {"exception_message": "Service Unavailable", "detail": message}, 503, {"Retry-After": str(seconds)}
    )


def unforeseen(error: Exception) -> Response:
    """500, with the traceback in the log and none in the answer."""
    log.error("request failed", exc_info=error)
    return json_response({"exception_message": "Internal Server Error"}, 500)


async def _known(_request: Request, error: Exception) -> Response:
    return response_for(error) or unforeseen(error)


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # A body that was not sent as JSON is passed on as it came.
    body = error.body.decode(errors="replace") if isinstance(error.body, bytes) else error.body
    return validation_response(wire_errors(error.errors(), body), body)


class Settled:
    """An ASGI application whose failures are settled with their answer.

    The framework raises what nobody foresaw once more after it has answered; a server would then cut the connection,
    and with it the next request on it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answered = False

        async def noted(message: Message) -> None:
            nonlocal answered
            answered = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception:
            if not answered:
                raise


def add_error_handlers(app: FastAPI) -> None:
    """Answer every error in the wire's shapes."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _known)
    for kind in (Refusal, IntegrityError, OverloadedError, CallerGoneError, StoreUnavailableError):
        app.add_exception_handler(kind, _known)
