"""The two lines of clients, told apart by how they call themselves.

What lives here: of which line a caller is, and routes that only one line has. What does not: what each line is answered
(beside the routes).
"""

import re
from typing import Annotated

from fastapi import Depends, Header
from starlette.routing import Match
from starlette.types import Scope

from interlock.api.wire_route import WireRoute

AGENT_2X, AGENT_3X = "prefect/2.", "prefect/3."
FIRST_THAT_RENEWS = (3, 4, 11)
_AGENT = re.compile(r"prefect/(\d+)\.(\d+)\.(\d+)")


def is_2x(user_agent: str) -> bool:
    """Whether a caller is a client of the 2.x line. All others are taken for newer ones."""
    return user_agent.startswith(AGENT_2X)


def agent_of(scope: Scope) -> str:
    """How the caller of a request calls itself, empty where it doesn't say."""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"user-agent"), "")


async def _agent(user_agent: Annotated[str, Header(include_in_schema=False)] = "") -> str:
    return user_agent


AgentDep = Annotated[str, Depends(_agent)]


def renews_leases(user_agent: str) -> bool:
    """Whether a client renews the lease by which its flow run holds a slot of its deployment's limit."""
    version = _AGENT.match(user_agent)
    return version is not None and tuple(map(int, version.groups())) >= FIRST_THAT_RENEWS


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
        return super().matches(scope) if is_2x(agent_of(scope)) else (Match.NONE, {})
