"""Placeholders and the values that take their place."""

from typing import Any

import pytest

from interlock.api.hydration import HydrationError, hydrate

VARIABLES = {"greeting": "hello"}


def placeholder(kind: Any, **fields: Any) -> dict[str, Any]:
    return {"__prefect_kind": kind, **fields}


NUMBER = placeholder("json", value="3")


@pytest.mark.parametrize(
    ("value", "hydrated"),
    [
        (placeholder("json", value='{"a": [1]}'), {"a": [1]}),
        (placeholder("jinja", template="{{ 1 + 1 }}"), "2"),
        (placeholder("workspace_variable", variable_name="greeting"), "hello"),
        (placeholder("none", value={"q": NUMBER}), {"q": 3}),
        (placeholder("unknown", value={"q": NUMBER}), {"q": NUMBER}),
        (placeholder("unknown"), None),
        (placeholder(None, value=1), 1),
    ],
)
def test_each_kind_has_its_effect(value: Any, hydrated: Any) -> None:
    """A kind that is not known gives its value as it is."""
    assert hydrate({"x": value}, VARIABLES) == {"x": hydrated}


@pytest.mark.parametrize(
    ("value", "hydrated"),
    [
        (placeholder("json", value=placeholder("jinja", template='"{{ 1 }}"')), "1"),
        (placeholder("jinja", template=placeholder("json", value='"{{ 2 }}"')), "2"),
        (placeholder("workspace_variable", variable_name=placeholder("json", value='"greeting"')), "hello"),
    ],
)
def test_a_placeholder_may_work_on_another(value: Any, hydrated: Any) -> None:
    """The inner one takes effect first."""
    assert hydrate(value, VARIABLES) == hydrated


def test_placeholders_are_found_at_any_depth() -> None:
    """In objects and lists; the rest stays as it is."""
    assert hydrate({"a": [{"b": NUMBER}, 1, "x", None]}, {}) == {"a": [{"b": 3}, 1, "x", None]}


@pytest.mark.parametrize("incomplete", [placeholder("json"), placeholder("workspace_variable")])
def test_an_empty_placeholder_vanishes(incomplete: Any) -> None:
    """With its key, or its place in a list; where it is everything, an empty object stays."""
    assert hydrate({"a": incomplete, "b": [incomplete, 1]}, {}) == {"b": [1]}
    assert hydrate(incomplete, {}) == {}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (placeholder("none"), "Missing 'value' key in __prefect object"),
        (placeholder("jinja"), "Missing 'template' key in __prefect object"),
        (placeholder("json", value="{"), "Invalid JSON: Expecting property name enclosed in double quotes"),
        (placeholder("json", value=5), "Invalid JSON: the JSON object must be str, bytes or bytearray, not int"),
        (placeholder("jinja", template="{{ 1"), "Invalid jinja: unexpected end of template"),
        (placeholder("jinja", template=None), "Invalid jinja: a template is text, not NoneType"),
        (placeholder("workspace_variable", variable_name="x"), "Variable 'x' not found in workspace."),
        (placeholder("workspace_variable", variable_name=["x"]), "not found in workspace."),
    ],
)
def test_a_placeholder_without_effect_is_an_error(value: Any, reason: str) -> None:
    """The message is what the client sees."""
    with pytest.raises(HydrationError) as error:
        hydrate([value], VARIABLES)
    assert reason in str(error.value)
