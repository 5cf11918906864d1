"""Pages of long answers: how many records, and how many to skip before them."""

from functools import partial
from typing import Annotated

from fastapi import Body, Depends, HTTPException
from pydantic import AfterValidator

from interlock.api.schemas.base import LongNumber

PAGE_LIMIT = 200
"""The largest page, and the size of one whose size is not given."""

MOST_SKIPPED = 2**63 - 1
"""What more than all of any number of records is cut to."""


async def page_limit(
    limit: Annotated[LongNumber | None, Body(description=f"At most {PAGE_LIMIT}, which is the default.")] = None,
) -> int:
    """The size of the page that the body asks for; raises 422 where it is out of bounds."""
    if limit is None:
        return PAGE_LIMIT
    if limit < 0:
        raise HTTPException(422, "Invalid limit: must be greater than or equal to 0.")
    if limit > PAGE_LIMIT:
        raise HTTPException(422, f"Invalid limit: must be less than or equal to {PAGE_LIMIT}.")
    return limit


Limit = Annotated[int, Depends(page_limit)]
"""The `limit` of a body, as a handler's parameter."""

Offset = Annotated[
    LongNumber, AfterValidator(partial(min, MOST_SKIPPED)), Body(ge=0, description="How many records to skip.")
]
"""The `offset` of a body, as a handler's parameter; give it the default 0."""
