"""Job variables: what a work pool's template lets deployments and runs set about their jobs.

What lives here: whether variables fit the template of their pool, and what is answered where they don't. What does not:
the shape of a template (schemas/work_pools.py), and how values are checked against a schema (value_schemas.py).
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import HTTPException

from interlock.api import value_schemas
from interlock.api.context import Context
from interlock.api.value_schemas import UnfitValuesError, UnusableSchemaError
from interlock.storage.queries import block_documents, work_pools

Template = Mapping[str, Any]
Variables = Mapping[str, Any]


async def check_defaults(context: Context, template: Template) -> None:
    """Raise 422 where a default of the template does not fit its own schema, 404 where it names a block that is not."""
    schema = _schema_of(template)
    if schema:
        _check(await _defaults(context, schema), schema, "Validation failed for work pool's job variable defaults: ")


async def check_deployment(context: Context, template: Template, variables: Variables) -> None:
    """Raise 422 where a deployment that is to be made sets variables that don't fit."""
    schema = _schema_of(template)
    if schema and variables:
        defaults, _ = _fitting(await _defaults(context, schema), schema)
        _check(defaults | dict(variables), schema, "Error creating deployment: ")


def check_change(template: Template, variables: Variables) -> None:
    """Raise 409 where a deployment that is to be given to another pool sets variables that don't fit."""
    schema = template.get("variables")
    if schema is None:
        return
    try:
        fault = value_schemas.fault(variables, schema, partial=True)
    except UnusableSchemaError as error:
        raise _unusable(error) from error
    if fault is not None:
        raise HTTPException(409, f"Error creating deployment: {fault!r}")


async def check_run(context: Context, queue_id: str | None, *given: Variables | None, action: str) -> None:
    """Raise 422 where the variables of a run, those of its deployment first, don't fit or some are missing."""
    pool = None if queue_id is None else await context.store.read(work_pools.of_queue, queue_id)
    schema = _schema_of(pool["base_job_template"]) if pool is not None else None
    if not schema:
        return
    defaults, is_whole = _fitting(await _defaults(context, schema), schema)
    merged = defaults.copy()
    for variables in given:
        merged |= variables or {}
    # A default that does not fit is left out: what needs it can't be told to be missing.
    _check(merged, schema, f"Error {action}: ", partial=not is_whole)


def _schema_of(template: Template) -> dict[str, Any] | None:
    """The schema of a template's variables; None where it has none. Raises 422 where it is unusable."""
    schema: dict[str, Any] | None = template.get("variables")
    if not schema:
        return None
    try:
        value_schemas.check_usable(schema)
    except UnusableSchemaError as error:
        raise _unusable(error) from error
    return schema


def _unusable(error: UnusableSchemaError) -> HTTPException:
    return HTTPException(422, f"Invalid schema: {error}")


def _check(values: Variables, schema: dict[str, Any], action: str, *, partial: bool = True) -> None:
    try:
        value_schemas.check(values, schema, partial=partial, null_for_default=True)
    except UnfitValuesError as error:
        raise HTTPException(422, f"{action}{error}") from error
    except UnusableSchemaError as error:
        raise _unusable(error) from error


async def _defaults(context: Context, schema: dict[str, Any]) -> dict[str, Any]:
    """The defaults of a schema's variables, with the contents of blocks in the place of references to them."""
    declared = schema.get("properties") or {}
    found = {name: x["default"] for name, x in declared.items() if isinstance(x, dict) and "default" in x}
    for name, default in list(found.items()):
        if isinstance(default, dict) and "$ref" in default:
            del found[name]
            reference = default["$ref"]
            document_id = reference.get("block_document_id") if isinstance(reference, dict) else None
            if document_id is not None:
                found[name] = await _block_data(context, document_id)
    return found


async def _block_data(context: Context, document_id: Any) -> Any:
    try:
        known_id = str(UUID(str(document_id)))
    except ValueError as error:
        raise HTTPException(404, "Block not found.") from error
    document = await context.store.read(block_documents.by_id, known_id, True)
    if document is None:
        raise HTTPException(404, "Block not found.")
    return document["data"]


def _fitting(defaults: dict[str, Any], schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The defaults that fit the schema as it stands, and whether that is all of them."""
    fitting = {name: x for name, x in defaults.items() if value_schemas.fits_as_declared({name: x}, schema)}
    return fitting, len(fitting) == len(defaults)
