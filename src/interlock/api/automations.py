"""The one route about automations that clients call for other records: which are related to it.

What lives here: that there are none. What does not: automations, which this server does not keep; their other routes
are missing.
"""

from typing import Any

from fastapi import APIRouter

from interlock.api.wire_route import WireRoute

router = APIRouter(prefix="/automations", tags=["Automations"], route_class=WireRoute)


@router.get("/related-to/{resource_id:path}")
async def read_automations_related_to_resource(resource_id: str) -> list[Any]:
    """The automations that have to do with a resource: none, since there are none. `prefect deployment inspect` of the
    3.x line asks for them."""
    return []
