"""Routes that clients know and this server does not have, where the path of another route would answer with 405.

What lives here: a plain 404 for them. What does not: the list of all that is missing (docs/compatibility.md).
"""

from fastapi import APIRouter, HTTPException

from interlock.api.wire_route import WireRoute

router = APIRouter(include_in_schema=False, route_class=WireRoute)


@router.post("/deployments/get_scheduled_flow_runs")
async def not_here() -> None:
    raise HTTPException(404, "Not Found")
