"""Templates that users write."""

from typing import Any

import pytest

from interlock.api.templates import TemplateError, check, render


def loops(count: int, depth: int = 1) -> str:
    return (depth * "{% for i in range(2) %}" + "x" + depth * "{% endfor %}") * count


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain { text }", "plain { text }"),
        ("{{ 1 + 1 }}", "2"),
        ("[{{ nobody.knows.this }}]", "[]"),
        ("[{{ ''.__class__.__mro__ }}]", "[]"),
        (loops(10), "xx" * 10),
        (loops(1, depth=2), "xxxx"),
    ],
)
def test_a_template_is_rendered(template: str, text: str) -> None:
    """Names that stand for nothing, or for what the sandbox hides, are empty."""
    check(template)
    assert render(template) == text


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ 1", "unexpected end of template"),
        ("{% nonsense %}", "unknown tag 'nonsense'"),
        (loops(11), "Contains 11 for loops. Templates can contain no more than 10 for loops."),
        (loops(1, depth=3), "Contains nested for loops at a depth of 3. Templates can nest for loops no more than 2"),
        (5, "not int"),
    ],
)
def test_a_bad_template_is_refused(template: Any, reason: str) -> None:
    """What can't be read, and what would loop for long."""
    with pytest.raises(TemplateError, match=reason):
        check(template)


@pytest.mark.parametrize(
    ("template", "error"),
    [
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{{ range(101) }}", "MAX_TEMPLATE_RANGE=100"),
        ("{{ [].append(1) }}", "SecurityError"),
        ("{{ 1 | no_such_filter }}", "No filter named"),
        ("{% include 'file' %}", "TypeError"),
    ],
)
def test_a_template_that_fails_says_so(template: str, error: str) -> None:
    """In its own place, with its source; the sandbox lets nothing out."""
    check(template)
    text = render(template)
    assert text.startswith("Failed to render template due to the following error: ")
    assert error in text
    assert text.endswith(f"Template source:\n{template}")
