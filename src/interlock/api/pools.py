"""Work pools that requests name: there is only the one that is always there."""

from fastapi import HTTPException

DEFAULT_POOL = "default-agent-pool"
"""The pool of queues that name none."""


def check_pool(name: str | None) -> None:
    """Raise 404 where a pool is named that is not there."""
    if name and name != DEFAULT_POOL:
        raise HTTPException(404, f'Work pool "{name}" not found.')
