"""The wording of validation errors: what a client is told about a request that is not valid.

What lives here: pydantic's errors to the wire's, which are worded as older clients know them. What does not: the answer
around them (errors.py) and the rules themselves (schemas/).

Validators of our own raise ValueError with the wire's message or, where the type on the wire is another than
`value_error`, PydanticCustomError with that type and context; these pass as they are.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from interlock.api.schemas.base import from_pairs, has_odd_keys

WireError = dict[str, Any]
"""`loc`, `msg`, `type`, and for some kinds `ctx`."""

Wording = tuple[str, str, dict[str, Any] | None]
"""Message, type and context on the wire."""

WHOLE = "whole"
"""The type of an error that the validator of an object's last field raises about the object as a whole."""

_MISSING = ("field required", "value_error.missing", None)
_NONE = ("none is not an allowed value", "type_error.none.not_allowed", None)
_INTEGER = ("value is not a valid integer", "type_error.integer", None)
_FLOAT = ("value is not a valid float", "type_error.float", None)
_BOOLEAN = ("value could not be parsed to a boolean", "type_error.bool", None)
_TEXT = ("str type expected", "type_error.str", None)
_UUID = ("value is not a valid uuid", "type_error.uuid", None)
_LIST = ("value is not a valid list", "type_error.list", None)
_SET = ("value is not a valid set", "type_error.set", None)
_DICT = ("value is not a valid dict", "type_error.dict", None)
_ODD_KEYS = ("keywords must be strings", "type_error", None)
_DURATION = ("invalid duration format", "value_error.duration", None)
_NO_DURATION = ("invalid type; expected timedelta, string, bytes, int or float", "type_error", None)
_URL = ("invalid or missing URL scheme", "value_error.url.scheme", None)
_EXTRA = ("extra fields not permitted", "value_error.extra", None)

_FIXED: Mapping[str, Wording] = {
    "missing": _MISSING,
    "extra_forbidden": _EXTRA,
    "none_required": _NONE,
    "int_type": _INTEGER,
    "int_parsing": _INTEGER,
    "int_parsing_size": _INTEGER,
    "int_from_float": _INTEGER,
    "float_type": _FLOAT,
    "float_parsing": _FLOAT,
    "finite_number": _FLOAT,
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "string_type": _TEXT,
    "string_unicode": _TEXT,
    "uuid_type": _UUID,
    "uuid_parsing": _UUID,
    "uuid_version": _UUID,
    "list_type": _LIST,
    "set_type": _SET,
    "dict_type": _DICT,
    "model_type": _DICT,
    "model_attributes_type": _DICT,
    "time_delta_type": _NO_DURATION,
    "time_delta_parsing": _DURATION,
    "url_type": _URL,
    "url_parsing": _URL,
    "url_scheme": _URL,
}
"""Kinds of error that are always worded the same."""


def _bound(words: str, kind: str, key: str) -> Callable[[Any], Wording]:
    """A bound that was not kept: the words with the bound in place of `{}`."""

    def worded(error: Any) -> Wording:
        bound = error["ctx"][key]
        return words.format(bound), f"value_error.{kind}", {"limit_value": bound}

    return worded


def _choice(error: Any) -> Wording:
    values = _quoted(error)
    words = f"value is not a valid enumeration member; permitted: {_listed(values)}"
    return words, "type_error.enum", {"enum_values": values}


def _constant(error: Any) -> Wording:
    values = _quoted(error)
    context = {"given": error["input"], "permitted": values}
    return f"unexpected value; permitted: {_listed(values)}", "value_error.const", context


def _quoted(error: Any) -> list[str]:
    """The values that an error names: `'a', 'b' or 'c'`."""
    return re.findall("'([^']*)'", error["ctx"]["expected"])


def _listed(values: Sequence[str]) -> str:
    return ", ".join(map(repr, values))


def _pattern(error: Any) -> Wording:
    pattern = error["ctx"]["pattern"]
    return f'string does not match regex "{pattern}"', "value_error.str.regex", {"pattern": pattern}


def _own(error: Any) -> Wording:
    return str(error["ctx"]["error"]), "value_error", None


_WORDED: Mapping[str, Callable[[Any], Wording]] = {
    "greater_than": _bound("ensure this value is greater than {}", "number.not_gt", "gt"),
    "greater_than_equal": _bound("ensure this value is greater than or equal to {}", "number.not_ge", "ge"),
    "less_than": _bound("ensure this value is less than {}", "number.not_lt", "lt"),
    "less_than_equal": _bound("ensure this value is less than or equal to {}", "number.not_le", "le"),
    "too_short": _bound("ensure this value has at least {} items", "list.min_items", "min_length"),
    "too_long": _bound("ensure this value has at most {} items", "list.max_items", "max_length"),
    "string_too_short": _bound("ensure this value has at least {} characters", "any_str.min_length", "min_length"),
    "string_too_long": _bound("ensure this value has at most {} characters", "any_str.max_length", "max_length"),
    "string_pattern_mismatch": _pattern,
    "enum": _choice,
    "literal_error": _constant,
    "value_error": _own,
}
"""Kinds of error whose words hold something of the error."""

# What is wrong with a null is that it is one, whatever was wanted; only these say something else about it.
_SAID_OF_NULL = frozenset({"missing", "extra_forbidden"})


def wire_errors(errors: Sequence[Any], body: Any) -> list[WireError]:
    """The errors of pydantic and FastAPI, for a request with this body, in the wire's words."""
    return [
        _unreadable(x, body) if x["type"] == "json_invalid" else _wire_error(x, body)
        for _, found in groupby(errors, key=_surplus)
        for x in _in_order(list(found))
    ]


def _surplus(error: Any) -> Any:
    """The same for all that is too much in one place; they are named in the order of the alphabet."""
    return error["type"] == "extra_forbidden" and error["loc"][:-1]


def _in_order(errors: list[Any]) -> list[Any]:
    return sorted(errors, key=lambda x: str(x["loc"][-1])) if _surplus(errors[0]) else errors


def _wire_error(error: Any, body: Any) -> WireError:
    words, kind, context = _wording(error)
    worded = {"loc": _location(error, body), "msg": words, "type": kind}
    return worded if context is None else worded | {"ctx": context}


def _wording(error: Any) -> Wording:
    kind = error["type"]
    if kind == WHOLE:
        return error["msg"], "value_error", None
    if kind.startswith(_OWN_KINDS):
        return error["msg"], kind, error.get("ctx")
    if error.get("input", ...) is None and kind not in _SAID_OF_NULL:
        return _MISSING if error["loc"] == ("body",) else _NONE
    if kind in _MODEL_DUE and has_odd_keys(error["input"]):
        return _ODD_KEYS
    if kind in _FIXED:
        return _FIXED[kind]
    if kind in _WORDED:
        return _WORDED[kind](error)
    return error["msg"], kind, None


_MODEL_DUE = ("model_type", "model_attributes_type")
_OWN_KINDS = ("value_error.", "type_error")


def _location(error: Any, body: Any) -> list[str | int]:
    """Where the error is, without the names of the members of unions, which are no part of the request."""
    source, *steps = error["loc"]
    if source != "body":
        return [source, *steps]
    found: list[str | int] = [source]
    value = body
    # The field that speaks for all, what is missing, and the mark of a dictionary's key, can't be found in the body.
    last = steps.pop() if steps and (error["type"] in ("missing", WHOLE) or steps[-1] == "[key]") else None
    for step in steps:
        value = from_pairs(value) if isinstance(step, str) else value
        if _is_in(value, step):
            found.append(step)
            value = value[step]
    if error["type"] == WHOLE:
        found.append("__root__")
    elif last == "[key]":
        found[-1] = "__key__"
    elif last is not None:
        found.append(last)
    return found


def _is_in(value: Any, step: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(step, int) and step < len(value)
    return isinstance(value, dict) and step in value


def _unreadable(error: Any, text: str) -> WireError:
    """A body that is no JSON. FastAPI puts the place where reading it ended into the location."""
    position = error["loc"][-1]
    before = text[:position]
    line, column = before.count("\n") + 1, position - before.rfind("\n")
    words = error["ctx"]["error"]
    return {
        "loc": ["body", position],
        "msg": f"{words}: line {line} column {column} (char {position})",
        "type": "value_error.jsondecode",
        "ctx": {"msg": words, "doc": text, "pos": position, "lineno": line, "colno": column},
    }
