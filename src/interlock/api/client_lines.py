"""The two lines of clients, told apart by how they call themselves.

What lives here: of which line a caller is, and routes that only one line has. What does not: what each line is answered
(beside the routes).
"""

from typing import Annotated

from fastapi import Depends, Header
from starlette.routing import Match
from starlette.types import Scope

from interlock.api.wire_route import WireRoute

AGENT_2X, AGENT_3X = "prefect/2.", "prefect/3."


def is_2x(user_agent: str) -> bool:
    """Whether a caller is a client of the 2.x line. All others are taken for newer ones."""
    return user_agent.startswith(AGENT_2X)


async def calls_as_2x(user_agent: Annotated[str, Header(include_in_schema=False)] = "") -> bool:
    """Whether the request is one of a 2.x client."""
    return is_2x(user_agent)


async def calls_as_3x(user_agent: Annotated[str, Header(include_in_schema=False)] = "") -> bool:
    """Whether the request is one of a 3.x client, and not of one that does not say what it is."""
    return user_agent.startswith(AGENT_3X)


CallsAs2x = Annotated[bool, Depends(calls_as_2x)]
CallsAs3x = Annotated[bool, Depends(calls_as_3x)]


class Route2x(WireRoute):
    """A route for 2.x clients alone, in the place of a later one of the same path."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        agent = dict(scope["headers"]).get(b"user-agent", b"").decode("latin-1")
        return super().matches(scope) if is_2x(agent) else (Match.NONE, {})
