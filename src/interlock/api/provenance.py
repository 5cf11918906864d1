"""Who created a record, as the headers of a request tell."""

import base64
import binascii
from typing import Annotated

from fastapi import Depends, Header

from interlock.api.schemas.base import Id

CreatedBy = dict[str, str]


async def created_by_of(
    prefect_automation_id: Annotated[Id | None, Header(include_in_schema=False)] = None,
    prefect_automation_name: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> CreatedBy | None:
    """The automation that made the request, in the wire's spelling; None where none, or no readable name, is given."""
    if not prefect_automation_id or not prefect_automation_name:
        return None
    try:
        name = base64.b64decode(prefect_automation_name).decode()
    except (binascii.Error, ValueError):
        return None
    return {"id": prefect_automation_id, "type": "AUTOMATION", "display_value": name} if name else None


CreatedByDep = Annotated[CreatedBy | None, Depends(created_by_of)]
