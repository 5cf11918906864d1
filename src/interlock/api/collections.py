"""Routes for what comes with the server about workers.

What lives here: the answer. What does not: the kinds of workers, and the job templates that pools of them begin with
(worker_types.json). These are our own: clients that have a worker's package installed take its template instead.
"""

from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from fastapi import APIRouter, HTTPException

from interlock.api.wire_route import WireRoute

router = APIRouter(prefix="/collections", tags=["Collections"], route_class=WireRoute)

WORKERS = "aggregate-worker-metadata"
WITHOUT_CONTENT = frozenset({"aggregate-block-metadata", "aggregate-flow-metadata", "demo-flows"})
"""Views that clients know and that nothing comes with the server for."""


@router.get("/views/{view}")
async def read_view(view: str) -> dict[str, Any]:
    """The kinds of workers, by the package they come in, each with the job template that a new pool has."""
    if view == WORKERS:
        return _worker_types()
    if view in WITHOUT_CONTENT:
        raise HTTPException(404, f"Requested content missing for view {view}")
    raise HTTPException(404, f"View {view} not found in registry")


@cache
def _worker_types() -> dict[str, Any]:
    content = files("interlock.api").joinpath("worker_types.json").read_bytes()
    types: dict[str, Any] = msgspec.json.decode(content)
    return types
