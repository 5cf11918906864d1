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
LAST_WITHOUT_RESULT_STORAGE = (3, 3, 7)
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
    version = _version(user_agent)
    return version is not None and version >= FIRST_THAT_RENEWS


def knows_result_storage(user_agent: str) -> bool:
    """Whether a client knows that a work pool may say where results are kept. Some fail where they are told."""
    version = _version(user_agent)
    return version is None or version[0] < 3 or version > LAST_WITHOUT_RESULT_STORAGE


def _version(user_agent: str) -> tuple[int, ...] | None:
    found = _AGENT.match(user_agent)
    return None if found is None else tuple(map(int, found.groups()))


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
