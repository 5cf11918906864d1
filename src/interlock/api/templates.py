"""Templates that users write: rendered in a sandbox, with bounds on what they can cost.

What lives here: checking and rendering. What does not: where templates occur (hydration.py).
"""

from typing import Any

from jinja2 import ChainableUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_RANGE = 100
MAX_LOOPS = 10
MAX_LOOP_DEPTH = 2


class TemplateError(Exception):
    """A template that will not be rendered; the message says why."""


def _bounded_range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > MAX_RANGE:
        raise OverflowError(f"Range too big. The sandbox blocks ranges larger than MAX_TEMPLATE_RANGE={MAX_RANGE}.")
    return numbers


_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=ChainableUndefined)
_ENVIRONMENT.globals["range"] = _bounded_range


def check(template: Any) -> None:
    """Raise TemplateError where a template is no text, malformed, or loops too much."""
    if not isinstance(template, str):
        raise TemplateError(f"a template is text, not {type(template).__name__}")
    try:
        loops = list(_ENVIRONMENT.parse(template).find_all(nodes.For))
    except TemplateSyntaxError as error:
        raise TemplateError(str(error)) from error
    if len(loops) > MAX_LOOPS:
        raise TemplateError(
            f"Contains {len(loops)} for loops. Templates can contain no more than {MAX_LOOPS} for loops."
        )
    depth = max(map(_loop_depth, loops), default=0)
    if depth > MAX_LOOP_DEPTH:
        raise TemplateError(
            f"Contains nested for loops at a depth of {depth}. "
            f"Templates can nest for loops no more than {MAX_LOOP_DEPTH} loops deep."
        )


def _loop_depth(node: nodes.Node) -> int:
    inner = max(map(_loop_depth, node.iter_child_nodes()), default=0)
    return inner + 1 if isinstance(node, nodes.For) else inner


def render(template: str) -> str:
    """The text of a checked template. One that fails while it runs gives its error and itself instead."""
    if "{{" not in template and "{%" not in template:
        return template
    try:
        return _ENVIRONMENT.from_string(template).render()
    except Exception as error:
        return f"Failed to render template due to the following error: {error!r}\nTemplate source:\n{template}"
