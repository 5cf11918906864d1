"""All that is wrong with values by a JSON schema, each at its place, as forms show it.

What lives here: the list of faults. What does not: whether values fit at all (value_schemas.py). The library is loaded
at its first use: loading it takes a tenth of the server's start.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from interlock.api.hydration import Unrendered
from interlock.api.value_schemas import UnusableSchemaError, repaired

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

PLACEHOLDER = "placeholder"

Place = str | int
Fault = str | dict[str, Any]
"""A message, or the place (`property` or `index`) and its `errors`."""


def faults(values: Any, schema: Any) -> list[Fault]:
    """What is wrong with values, in which an Unrendered stands for what is not known. Raises UnusableSchemaError."""
    from jsonschema import SchemaError
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import EMPTY_REGISTRY

    dialect, mended = _dialect(), repaired(schema)
    try:
        dialect.check_schema(mended)
        # References to elsewhere are not followed: the server fetches nothing for its callers.
        found = list(dialect(mended, registry=EMPTY_REGISTRY).iter_errors(values))
    except SchemaError as error:
        raise UnusableSchemaError(error.message) from error
    except RecursionError as loop:
        raise UnusableSchemaError("Unable to validate schema with circular references.") from loop
    except Unresolvable as dangling:
        raise UnusableSchemaError(str(dangling)) from dangling
    return _placed(_that_count(found))


@cache
def _dialect() -> "type[Validator]":
    """Draft 2020-12, in which a value that is not known is wrong only where its placeholder is."""
    from jsonschema.validators import Draft202012Validator, create

    return create(
        meta_schema=Draft202012Validator.META_SCHEMA,
        validators={**Draft202012Validator.VALIDATORS, PLACEHOLDER: _fault_of_placeholder},
        type_checker=Draft202012Validator.TYPE_CHECKER,
        format_checker=Draft202012Validator.FORMAT_CHECKER,
        id_of=Draft202012Validator.ID_OF,  # type: ignore[arg-type]
        applicable_validators=_applicable,
    )


def _applicable(schema: Any) -> Any:
    return [*schema.items(), (PLACEHOLDER, None)]


def _fault_of_placeholder(_validator: Any, _keyword: Any, instance: Any, _schema: Any) -> "Iterator[ValidationError]":
    from jsonschema import ValidationError

    if isinstance(instance, Unrendered) and instance.fault:
        yield ValidationError(instance.fault)


def _that_count(found: "Iterable[ValidationError]") -> "Iterator[ValidationError]":
    """Those of values that are known; where a placeholder is wrong, that alone."""
    places: defaultdict[tuple[Any, ...], list[ValidationError]] = defaultdict(list)
    for error in found:
        places[tuple(error.relative_path)].append(error)
    for errors in places.values():
        own = [x for x in errors if x.validator == PLACEHOLDER]
        yield from own or (x for x in errors if not isinstance(x.instance, Unrendered))


def _placed(found: "Iterable[ValidationError]") -> list[Fault]:
    told: list[Fault] = []
    for error in found:
        path, errors, fault = _path(error), told, error.message
        for part in path[:-1]:
            errors = _errors_at(errors, part)
        errors.append(_at(path[-1], [fault]) if path else fault)
    return told


def _path(error: "ValidationError") -> list[Place]:
    """Where it is told: what is missing, at its own place."""
    path = list(error.relative_path)
    return [*path, error.message.split(" ")[0].strip("'")] if error.validator == "required" else path


def _at(part: Place, errors: list[Fault]) -> dict[str, Any]:
    return {"index" if isinstance(part, int) else "property": part, "errors": errors}


def _errors_at(errors: list[Fault], part: Place) -> list[Fault]:
    """The faults within a part, from the first time on that one is told."""
    key = "index" if isinstance(part, int) else "property"
    for told in errors:
        if isinstance(told, dict) and told.get(key) == part:
            inner: list[Fault] = told["errors"]
            return inner
    errors.append(_at(part, []))
    return _errors_at(errors, part)
