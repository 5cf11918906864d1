"""Whether values fit a JSON schema: parameters and job variables of runs, and inputs of paused ones.

What lives here: the check, and the repair of schemas as older clients write them. What does not: where schemas come
from. The library is loaded at its first use: loading it takes a tenth of the server's start.
"""

from copy import deepcopy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

NULL = {"type": "null"}


class UnfitValuesError(Exception):
    """The values don't fit the schema; the message says which and why."""


class UnusableSchemaError(Exception):
    """The schema is no schema, or leads nowhere; the message says why."""


def check(values: Any, schema: Any, *, partial: bool = False, null_for_default: bool = False) -> None:
    """Raise UnfitValuesError or UnusableSchemaError where the values don't fit; `partial`: some may be missing.

    Schemas of older clients are repaired first: they don't say that a parameter without a default may be null, nor,
    where `null_for_default`, one with a default.
    """
    error = fault(values, schema, partial=partial, null_for_default=null_for_default)
    if error is not None:
        raise UnfitValuesError(_explained(error))


def fault(
    values: Any, schema: Any, *, partial: bool = False, null_for_default: bool = False
) -> "ValidationError | None":
    """What `check` has against the values, as the library tells it. Raises UnusableSchemaError."""
    from jsonschema import Draft202012Validator

    mended = repaired(schema, null_for_default=null_for_default)
    return _fault(values, _without_required(mended) if partial else mended, Draft202012Validator)


def check_as_declared(values: Any, schema: Any) -> None:
    """As `check` with `partial`, but by the schema as it stands, in the dialect that it declares."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    lenient = _without_required(schema)
    _check(values, lenient, validator_for(lenient, Draft202012Validator))


def check_usable(schema: Any) -> None:
    """Raise UnusableSchemaError where this is no JSON schema, by the rules of draft 2020-12."""
    from jsonschema import Draft202012Validator

    _check_schema(schema, Draft202012Validator)


def fits_as_declared(values: Any, schema: Any) -> bool:
    """Whether values fit the schema as it stands; some may be missing. Raises UnusableSchemaError."""
    from jsonschema import Draft202012Validator

    return _fault(values, _without_required(schema), Draft202012Validator) is None


def check_is_schema(schema: Any) -> None:
    """Raise UnusableSchemaError where this is no JSON schema, by the rules of draft 4."""
    from jsonschema import Draft4Validator

    _check_schema(schema, Draft4Validator)


def _check(values: Any, schema: Any, dialect: "type[Validator]") -> None:
    error = _fault(values, schema, dialect)
    if error is not None:
        raise UnfitValuesError(_explained(error))


def _fault(values: Any, schema: Any, dialect: "type[Validator]") -> "ValidationError | None":
    from jsonschema.exceptions import best_match
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import EMPTY_REGISTRY

    _check_schema(schema, dialect)
    try:
        # References to elsewhere are not followed: the server fetches nothing for its callers.
        error: ValidationError | None = best_match(dialect(schema, registry=EMPTY_REGISTRY).iter_errors(values))
    except RecursionError as loop:
        raise UnusableSchemaError("Unable to validate schema with circular references.") from loop
    except Unresolvable as dangling:
        raise UnusableSchemaError(str(dangling)) from dangling
    return error


def _check_schema(schema: Any, dialect: "type[Validator]") -> None:
    from jsonschema import SchemaError

    try:
        dialect.check_schema(schema)
    except SchemaError as error:
        raise UnusableSchemaError(error.message) from error


def _explained(error: "ValidationError") -> str:
    where = "" if error.json_path == "$" else f" for field {error.json_path.replace('$.', '')!r}"
    return f"Validation failed{where}. Failure reason: {error.message}"


def _without_required(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    return {key: _without_required(value) for key, value in schema.items() if key != "required"}


def repaired(schema: Any, *, null_for_default: bool = False) -> Any:
    """The schema as it was meant, where an older client wrote it."""
    schema = deepcopy(schema)
    if isinstance(schema, dict):
        _repair(schema, null_for_default)
        for definition in _members(schema, "definitions"):
            _repair(definition, null_for_default)
    return schema


def _repair(schema: dict[str, Any], null_for_default: bool = False) -> None:
    required = schema.get("required")
    for name, member in _named_members(schema, "properties"):
        if not isinstance(required, list) or name not in required:
            _allow_null(member, null_for_default)
        if isinstance(member.get("items"), list) and "prefixItems" not in member:
            member["prefixItems"] = member.pop("items")
        _repair(member)


def _allow_null(schema: dict[str, Any], null_for_default: bool) -> None:
    if "type" in schema and schema["type"] != "null" and (null_for_default or "default" not in schema):
        schema["anyOf"] = [{"type": schema.pop("type")}, NULL]


def _members(schema: dict[str, Any], key: str) -> list[dict[str, Any]]:
    return [member for _, member in _named_members(schema, key)]


def _named_members(schema: dict[str, Any], key: str) -> list[tuple[str, dict[str, Any]]]:
    members = schema.get(key)
    if not isinstance(members, dict):
        return []
    return [(name, member) for name, member in members.items() if isinstance(member, dict)]
