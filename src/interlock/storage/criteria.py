"""Filters of simple records: what a filter asks for, as one condition.

A filter is a mapping from a field to what is asked of it, spelled as on the wire: `{"name": {"any_": ["a"]}}`. Where it
has an `operator`, that is how its parts go together: all of them (`and_`) or any (`or_`). A part that asks for nothing
holds for every record.

What lives here: the condition of a filter, and the ways to compare one column. What does not: which fields a record can
be filtered by (beside the queries on it), and the criteria of runs, which reach across tables (filters.py).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, and_, or_, true

from interlock.storage.expressions import has_tag, matches

Condition = ColumnElement[bool]
Criteria = Mapping[str, "Criteria | Callable[[Any], Condition]"]
"""For each field, either what its value makes the condition, or the fields within it."""


def condition(given: Mapping[str, Any], criteria: Criteria) -> Condition:
    """What the filter asks for."""
    parts = [_part(given[field], how) for field, how in criteria.items() if field in given]
    if not parts:
        return true()
    return or_(*parts) if given.get("operator") == "or_" else and_(*parts)


def _part(value: Any, how: "Criteria | Callable[[Any], Condition]") -> Condition:
    return how(value) if callable(how) else condition(value, how)


def one_of(column: Column[Any]) -> Callable[[Sequence[Any]], Condition]:
    """The column is one of the values."""
    return lambda values: column.in_(values)


def equal(column: Column[Any]) -> Callable[[Any], Condition]:
    """The column is the value."""
    return lambda value: column == value


def is_absent(column: Column[Any]) -> Callable[[bool], Condition]:
    """The column is NULL, or is not."""
    return lambda absent: column.is_(None) if absent else column.is_not(None)


def contains(column: Column[Any]) -> Callable[[str], Condition]:
    """The text is somewhere in the column, in any case; `%` and `_` in it stand for any text and any character."""
    return lambda text: matches(column, f"%{text}%")


def has_all(column: Column[Any]) -> Callable[[Sequence[str]], Condition]:
    """The list in the column holds all the values."""
    return lambda values: and_(true(), *(has_tag(column, value) for value in values))


def is_empty(column: Column[Any]) -> Callable[[bool], Condition]:
    """The list in the column is empty, or is not."""
    return lambda empty: column == [] if empty else column != []
