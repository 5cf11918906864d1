"""Placeholders in parameters and inputs, put into effect.

A placeholder is an object that names its kind under `__prefect_kind`: JSON as text (`json`), a template (`jinja`), the
value of a variable (`workspace_variable`), or a plain value (`none`, or a kind that is not known).

What lives here: replacing placeholders by values. What does not: what templates can do (templates.py), and whether the
values fit a schema (value_schemas.py).
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from interlock.api import templates
from interlock.api.context import Context
from interlock.api.schemas.variables import value_of
from interlock.storage.queries import variables as stored_variables

KIND = "__prefect_kind"


class HydrationError(Exception):
    """A placeholder that can't be put into effect; the message says why."""


class _Removed:
    """Stands for a placeholder that is incomplete in a way that means: as if it were not there."""


_REMOVED = _Removed()


class Unrendered(NamedTuple):
    """Stands for a template that is only looked at; `fault` is what is wrong with it, or with another placeholder."""

    fault: str | None = None


class _Way(NamedTuple):
    """How placeholders are replaced; where they are only checked, templates stay, and what is wrong is no error."""

    variables: Mapping[str, Any]
    only_checks: bool = False


async def hydrate_for(context: Context, value: Any) -> Any:
    """As `hydrate`, with the variables that are stored."""
    return hydrate(value, await _variables(context)) if _has_placeholders(value) else value


async def checked_for(context: Context, value: Any) -> Any:
    """The value with placeholders replaced as far as they can be: in the place of the others is an Unrendered."""
    if not _has_placeholders(value):
        return value
    checked = _hydrated(value, _Way(await _variables(context), only_checks=True))
    return {} if checked is _REMOVED else checked


async def _variables(context: Context) -> dict[str, Any]:
    stored = await context.store.read(stored_variables.values_by_name)
    return {name: value_of(*x) for name, x in stored.items()}


def _has_placeholders(value: Any) -> bool:
    match value:
        case dict():
            return KIND in value or any(map(_has_placeholders, value.values()))
        case list():
            return any(map(_has_placeholders, value))
    return False


def hydrate(value: Any, variables: Mapping[str, Any]) -> Any:
    """The value with all placeholders replaced; raises HydrationError."""
    hydrated = _hydrated(value, _Way(variables))
    return {} if hydrated is _REMOVED else hydrated


def _hydrated(value: Any, way: _Way) -> Any:
    match value:
        case dict() if KIND in value:
            return _checked(value, way) if way.only_checks else _replaced(value, way)
        case dict():
            members = ((key, _hydrated(x, way)) for key, x in value.items())
            return {key: x for key, x in members if x is not _REMOVED}
        case list():
            elements = (_hydrated(x, way) for x in value)
            return [x for x in elements if x is not _REMOVED]
    return value


def _checked(placeholder: dict[str, Any], way: _Way) -> Any:
    try:
        return _replaced(placeholder, way)
    except HydrationError as error:
        return Unrendered(str(error))


def _replaced(placeholder: dict[str, Any], way: _Way) -> Any:
    match placeholder[KIND]:
        case "none":
            return _hydrated(_needed(placeholder, "value"), way)
        case "json":
            return _json(_operand(placeholder, "value", way))
        case "jinja":
            _needed(placeholder, "template")
            return _rendered(_operand(placeholder, "template", way), way)
        case "workspace_variable":
            return _variable(_operand(placeholder, "variable_name", way), way.variables)
    return placeholder.get("value")


def _needed(placeholder: dict[str, Any], key: str) -> Any:
    if key not in placeholder:
        raise HydrationError(f"Missing '{key}' key in __prefect object")
    return placeholder[key]


def _operand(placeholder: dict[str, Any], key: str, way: _Way) -> Any:
    """What the placeholder works on, which may itself come from a placeholder."""
    operand = placeholder.get(key, _REMOVED)
    operand = _hydrated(operand, way) if isinstance(operand, dict) else operand
    if isinstance(operand, Unrendered) and operand.fault:
        raise HydrationError(operand.fault)
    return operand


def _json(text: Any) -> Any:
    if text is _REMOVED:
        return _REMOVED
    try:
        return json.loads(text)
    except (ValueError, TypeError) as error:
        raise HydrationError(f"Invalid JSON: {error}") from error


def _rendered(template: Any, way: _Way) -> Any:
    try:
        templates.check(template)
    except templates.TemplateError as error:
        raise HydrationError(f"Invalid jinja: {error}") from error
    return Unrendered() if way.only_checks else templates.render(template)


def _variable(name: Any, variables: Mapping[str, Any]) -> Any:
    if name is _REMOVED:
        return _REMOVED
    if not isinstance(name, str) or name not in variables:
        raise HydrationError(f"Variable '{name}' not found in workspace.")
    return variables[name]
