"""How bodies are read where the framework serves a request."""

from fastapi.routing import APIWebSocketRoute

from interlock.api.app import ROUTERS
from interlock.api.wire_route import WireRoute


def test_all_routes_read_bodies_alike() -> None:
    """A router that is made without the route class would take null for a value and text for no parameters."""
    others = [
        route for router in ROUTERS for route in router.routes if not isinstance(route, WireRoute | APIWebSocketRoute)
    ]
    assert others == []
