"""Routes about the server itself: health, versions, settings, CSRF tokens."""

import asyncio
from typing import Any

from fastapi import APIRouter, HTTPException
from sqlalchemy import Connection, select
from starlette.responses import Response

from interlock import __version__
from interlock.api.client_lines import CallsAs2x
from interlock.api.context import ContextDep
from interlock.api.errors import json_response
from interlock.api.schemas.base import Answer
from interlock.api.wire_route import WireRoute
from interlock.settings import ENV_PREFIX
from interlock.storage.queries import database, readiness
from interlock.storage.store import StoreUnavailableError
from interlock.storage.tables import flows

router = APIRouter(route_class=WireRoute)

API_VERSION = "0.8.4"
SPOKEN_VERSION_2X = "2.20.25"
SPOKEN_VERSION_3X = "3.9.1"
"""What this server speaks, as its clients count: a client refuses a server of another major version than its own."""


READY_SECONDS = 3.0
"""How long a look at the database may take: load balancers soon give up waiting."""


class LedgerAnswer(Answer):
    """This server and its database."""

    version: str
    database: database.DatabaseKind
    size_bytes: int


@router.get("/health", tags=["Root"])
async def health() -> bool:
    """Whether the process is alive."""
    return True


@router.get("/ready", tags=["Root"])
async def ready(context: ContextDep) -> Response:
    """Whether requests can be served: 503 where the database can't be read or written, or not soon.

    It is written only where that failed the last time, so that nobody has to wait in line to ask.
    """
    try:
        async with asyncio.timeout(READY_SECONDS):
            await context.store.read_at_once(_look)
            if context.batcher.is_failing:
                await context.batcher.write(readiness.prove, context.clock())
    except (StoreUnavailableError, TimeoutError):
        return json_response({"message": "Database is not available"}, 503)
    return json_response({"message": "OK"})


def _look(conn: Connection) -> None:
    """Read from a table, which is more than to connect: a file is opened only then."""
    conn.execute(select(flows.c.id).limit(1)).first()


@router.get("/version", tags=["Root"])
async def api_version() -> str:
    """The version of the API."""
    return API_VERSION


@router.get("/hello", tags=["Root"])
async def hello() -> str:
    """A wave back."""
    return "👋"


@router.get("/admin/version", tags=["Admin"])
async def server_version(calls_as_2x: CallsAs2x) -> str:
    """The version of the peer that this server stands in for, in the caller's own line."""
    return SPOKEN_VERSION_2X if calls_as_2x else SPOKEN_VERSION_3X


@router.get("/admin/settings", tags=["Admin"])
async def settings(context: ContextDep) -> dict[str, Any]:
    """Every setting of the server, by the environment variable that sets it. Secrets are hidden."""
    return {f"{ENV_PREFIX}{name.upper()}": value for name, value in context.settings.shown().items()}


@router.get("/admin/ledger", tags=["Admin"], response_model=LedgerAnswer)
async def ledger(context: ContextDep) -> LedgerAnswer:
    """The version of this server, and its database: of which kind it is, and how large."""
    kind, size = await context.store.read(database.kind_and_size)
    return LedgerAnswer(version=__version__, database=kind, size_bytes=size)


@router.get("/csrf-token", tags=["Root"])
async def csrf_token(client: str) -> Any:
    """Tokens against cross-site requests are not in use; clients take this answer and go on."""
    raise HTTPException(422, "CSRF protection is disabled.")
